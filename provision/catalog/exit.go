package catalog

// Exit codes of a run; ExitChanged and ExitFailed add up to 6.
const (
	ExitOK        = 0 // everything held already, or in a dry run: nothing would be changed
	ExitRunFailed = 1 // the run itself failed: there is no result to speak of
	ExitChanged   = 2 // something was changed, or would be
	ExitFailed    = 4 // something failed
	ExitUsage     = 64
)

// ExitCode is the exit code of the run that a report is of.
func (r Report) ExitCode() int {
	if r.Error != "" || r.Disabled != nil || r.Status == Failed && len(r.Results)+len(r.Checks) == 0 {
		return ExitRunFailed
	}
	code := ExitOK
	// Status, too: a report that was made to fit lacks results.
	status := []string{r.Status}
	for _, x := range r.Results {
		status = append(status, x.Status)
	}
	for _, s := range status {
		switch s {
		case Changed:
			code |= ExitChanged
		case Unknown: // in a run: a secret that can't be asked for, which stays as it is
			if r.Noop {
				code |= ExitChanged
			}
		case Failed, Skipped:
			code |= ExitFailed
		}
	}
	return code
}

// WorstExit is the exit code of several runs together.
func WorstExit(codes ...int) int {
	worst := ExitOK
	for _, c := range codes {
		switch {
		case c == ExitRunFailed || worst == ExitRunFailed:
			worst = ExitRunFailed
		default:
			worst |= c
		}
	}
	return worst
}
