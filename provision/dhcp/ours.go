package dhcp

// ours are the options that an operator can't set by number: pad and end, what makes
// up the protocol itself (50 to 59, 61, 82), and what a client boots (66, 67: no boot
// file to who didn't ask for one).
//
// bootsBy are those that change how firmware takes our answer: they go to other
// clients only.
var (
	ours = [256]bool{
		0: true, 255: true,
		50: true, 51: true, 52: true, 53: true, 54: true, 55: true, 56: true, 57: true, 58: true, 59: true,
		61: true, 66: true, 67: true, 82: true,
	}
	bootsBy = [256]bool{43: true, 60: true, 93: true, 94: true, 97: true}
)
