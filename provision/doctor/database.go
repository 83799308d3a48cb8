package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Database reports the size of the database and its limit, both in bytes. Without a
// database there is no finding.
func Database(path string, most int64, days int) []Finding {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return []Finding{{Level: Note, Text: "the database can't be looked at: " + err.Error(), Hint: "run it as root", Unseen: true}}
	}
	return []Finding{judgeDatabase(path, st.Size(), most, days)}
}

func judgeDatabase(path string, size, most int64, days int) Finding {
	mib := func(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
	if size > most+most/4 {
		return Finding{
			Level: Warning, Text: fmt.Sprintf("the database %s has %s, and `keep.size` allows %s", path, mib(size), mib(most)),
			Hint: "start rackhand, which prunes it; if it runs, its log says why it doesn't",
		}
	}
	return Finding{Level: OK, Text: fmt.Sprintf("the database %s has %s of at most %s; events go after %d days", path, mib(size), mib(most), days)}
}
