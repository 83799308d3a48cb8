package bench

import (
	"fmt"
	"strconv"
	"strings"
)

// parsePerfdhcp reads the final report of perfdhcp (Kea's DHCP load generator). Its
// sections name an exchange, DISCOVER-OFFER and REQUEST-ACK, and count packets sent and
// received. It ignores perfdhcp's own rate, which is divided by a time that includes the
// wait at the end.
func parsePerfdhcp(report string) (sent, completed int, err error) {
	counts := make(map[string]int)
	section := ""
	for line := range strings.Lines(report) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "***Statistics for: "); ok {
			section = strings.TrimSuffix(name, "***")
			continue
		}
		what, number, ok := strings.Cut(line, ": ")
		if !ok || section == "" || (what != "sent packets" && what != "received packets") {
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return 0, 0, fmt.Errorf("perfdhcp's report: %q isn't a count", line)
		}
		counts[section+" "+what] = n
	}
	sent, begun := counts["DISCOVER-OFFER sent packets"]
	completed, ended := counts["REQUEST-ACK received packets"]
	if !begun || !ended {
		return 0, 0, fmt.Errorf("perfdhcp's report lacks its counts; it said: %s", abridged(report))
	}
	return sent, completed, nil
}

// abridged is the end of a text, where programs report their error.
func abridged(text string) string {
	const most = 600
	text = strings.TrimSpace(text)
	if len(text) > most {
		text = "..." + text[len(text)-most:]
	}
	return text
}
