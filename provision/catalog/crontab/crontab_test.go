package crontab

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for schedule, wrong := range map[string]string{
		"* * * * *": "", "*/5 0-23/2 1,15 jan-MAR,12 mon-fri": "", "0 0 31 12 7": "", "@daily": "", "@reboot": "", "59 23 * * sun": "",
		"@often": "use one of @reboot", "* * * *": "five fields", "* * * * * root": "five fields", "*  * * * *": "five fields", "": "five fields",
		"60 * * * *": `minute "60": use *, or numbers from 0 to 59`, "* 24 * * *": "hour", "* * 0 * *": "day", "* * * 13 *": "month", "* * * * 8": "weekday", "* * * * mo": "such as mon",
		"5/10 * * * *": "5-59/10", "*/0 * * * *": "the step", "*/60 * * * *": "the step", "*/ * * * *": "the step", "*/+5 * * * *": "the step", "30-10 * * * *": "backwards", "1- * * * *": "minute",
		", * * * *": "minute", "-1 * * * *": "minute", "~ * * * *": "minute", "001 * * * *": "minute", "* * * sun *": "month", "*\n * * * *": "minute",
	} {
		err := Check(schedule)
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%q: %v, want %q", schedule, err, wrong)
		}
	}
}
