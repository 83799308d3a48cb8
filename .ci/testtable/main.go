// Command testtable reads what `go test -json` writes, shows it as plain `go test` does,
// and ends with a table: the time of each package, the slowest tests, and what was skipped.
//
//	go test -json ./... | testtable [-o FILE] [-slowest 20]
//
// FILE keeps the table. The exit status is 1 when a test or a package has failed, 2 when
// the input can't be read or holds no test.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("o", "", "keep the table in this `file`")
	slowest := flag.Int("slowest", 20, "how many tests to list")
	flag.Parse()
	r, err := read(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testtable:", err)
		os.Exit(2)
	}
	table := r.table(*slowest)
	fmt.Print("\n", table)
	if *out != "" {
		if err := keep(*out, table); err != nil {
			fmt.Fprintln(os.Stderr, "testtable:", err)
			os.Exit(2)
		}
	}
	// The plain closing line that tools look for.
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skipped))
	switch {
	case r.bad():
		os.Exit(1)
	case r.passed == 0:
		fmt.Fprintln(os.Stderr, "testtable: no test ran")
		os.Exit(2)
	}
}

func keep(path, table string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(table), 0o644)
}
