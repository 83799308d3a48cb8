package plan

// Partition types (UEFI specification, table "Defined GPT Partition Entry", and
// systemd's Discoverable Partitions Specification).
const (
	TypeEFI   = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
	TypeBIOS  = "21686148-6449-6e6f-744e-656564454649"
	typeSwap  = "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"
	TypeRAID  = "a19d880f-05fc-4d3b-a006-743f0f84911e"
	TypeLVM   = "e6d6d379-f507-44c2-a23c-238f2a3df928"
	typeLinux = "0fc63daf-8483-4772-8e79-3d69d8477de4"
)

// A Table is a GUID partition table (UEFI specification, chapter 5).
type Table struct {
	GUID   string
	Size   int64 // of the disk, bytes
	Sector int   // logical sector, bytes
	Parts  []TablePart
}

// A TablePart is a partition. Start and Length are in bytes, multiples of 1 MiB. Its number
// is its place in the table, from 1.
type TablePart struct {
	Type, GUID, Name string
	Start, Length    int64
}

// MiB is a MiB in bytes.
const MiB = int64(1) << 20
