// Package port imports hosts from a table, and exports the inventory for Ansible,
// Prometheus and /etc/hosts.
package port

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rackhand/config/problem"
	"rackhand/inventory"
	"rackhand/inventory/edit"
)

// Bounds of a table: an inventory takes 20,000 hosts.
const (
	maxTable = 16 << 20
	maxRows  = 20000
)

// variablePrefix begins the columns that become variables.
const variablePrefix = "variables."

// A Row is one host of a table, as it was written.
type Row struct {
	Line int
	MACs []inventory.MAC
	// Cells are the filled ones by column: name, address, ..., variables.NAME.
	Cells map[string]string
	// columns are where the cells begin, in characters from 1.
	columns map[string]int
}

// A Table is a CSV file that was read.
type Table struct {
	File string
	Rows []Row
	// lines are the file's.
	lines []string
	list  problem.List
}

// columns are those of a table, and other words for them.
func columns() map[string]string {
	all := map[string]string{
		"hostname": "name", "host": "name", "macs": "mac", "mac_address": "mac", "ip": "address", "ip_address": "address",
		"bmc_address": "bmc", "ipmi": "bmc", "position": "unit", "u": "unit",
	}
	for _, name := range []string{"name", "mac", "address", "bmc", "bmc_mac", "rack", "unit", "group", "system", "role", "roles", "kickstart", "disk"} {
		all[name] = name
	}
	return all
}

// ReadCSV reads a table: a line of column names (name and mac are needed; address,
// bmc, bmc_mac, rack, unit, group, system, role, roles, kickstart, disk and variables.NAME
// may be there), then a host a line. Commas, semicolons or tabs between the cells;
// several MACs or roles of a host with spaces between. Lines that are empty or begin with #
// are skipped. All mistakes become problems in one run.
func ReadCSV(file string, r io.Reader) (*Table, problem.Problems) {
	t := &Table{File: file}
	data, err := io.ReadAll(io.LimitReader(r, maxTable+1))
	switch {
	case err != nil:
		t.list.Addf(problem.Place{File: file}, "", "can't read the table: %v", err)
	case len(data) > maxTable:
		t.list.Addf(problem.Place{File: file}, "split it", "the table is bigger than %d MiB", maxTable>>20)
	default:
		t.read(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	}
	if t.list.Len() > 0 {
		return nil, t.list.Problems()
	}
	return t, nil
}

func (t *Table) place(line, column int) problem.Place {
	return problem.Place{File: t.File, Line: line, Column: column}
}

func (t *Table) read(data []byte) {
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	t.lines = lines
	t.list.Source(t.File, func(n int) string {
		if n < 1 || n > len(lines) {
			return ""
		}
		return lines[n-1]
	})
	for i, line := range lines {
		if !utf8.ValidString(line) {
			t.list.Addf(t.place(i+1, 1), "save the table as UTF-8", "the table is not UTF-8")
			return
		}
	}
	in := csv.NewReader(bytes.NewReader(data))
	in.Comment = '#'
	in.Comma = separator(lines)
	in.FieldsPerRecord = -1
	// A tab that separates would be trimmed too, and the empty cell with it.
	in.TrimLeadingSpace = in.Comma != '\t'
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		t.list.Addf(problem.Place{File: t.File}, "begin with a line of column names: name,mac,address", "the table is empty")
		return
	}
	if err != nil {
		t.syntax(err)
		return
	}
	names := t.header(in, header)
	for names != nil {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.syntax(err)
			return
		}
		if len(t.Rows) == maxRows {
			line, _ := in.FieldPos(0)
			t.list.Addf(t.place(line, 1), "split it", "the table has more than %d rows", maxRows)
			return
		}
		t.row(in, names, record)
	}
}

func (t *Table) syntax(err error) {
	var pe *csv.ParseError
	if errors.As(err, &pe) {
		t.list.Addf(t.place(pe.Line, pe.Column), "a cell with quotes is quoted whole, and a quote in it is written twice", "not CSV: %v", pe.Err)
		return
	}
	t.list.Addf(problem.Place{File: t.File}, "", "not CSV: %v", err)
}

// separator looks for it in the first line that isn't a comment.
func separator(lines []string) rune {
	for _, line := range lines {
		if strings.TrimSpace(line) == "" || line[0] == '#' {
			continue
		}
		for _, sep := range "\t;," {
			if strings.ContainsRune(line, sep) {
				return sep
			}
		}
		break
	}
	return ','
}

// header reads the column names; "" for those that can't be taken.
func (t *Table) header(in *csv.Reader, record []string) []string {
	known := columns()
	var names []string
	if !slices.ContainsFunc(record, func(cell string) bool { return known[columnKey(cell)] != "" }) {
		line, _ := in.FieldPos(0)
		t.list.Addf(t.place(line, 1), "begin with a line such as name,mac,address", "the first line doesn't name the columns")
		return nil
	}
	for i, cell := range record {
		line, column := t.at(in, i)
		key := columnKey(cell)
		name := known[key]
		if strings.HasPrefix(key, variablePrefix) {
			name = variablePrefix + strings.TrimSpace(cell)[len(variablePrefix):]
		}
		switch {
		case strings.Contains(key, "pass") || strings.Contains(key, "secret") || strings.Contains(key, "token"):
			t.list.Addf(t.place(line, column), "take the column out, and put the secrets into files of the secrets folder; `rackhand check` says which",
				"a column of secrets: they don't belong into the inventory")
		case name == "":
			t.list.Addf(t.place(line, column), problem.DidYouMean(key, []string{"name", "mac", "address", "bmc", "bmc_mac", "rack", "unit", "group", "system", "role", "roles", "kickstart", "disk", "variables.NAME"}),
				"unknown column %q", cell)
		case slices.Contains(names, name):
			t.list.Addf(t.place(line, column), "keep one of the two", "the column %s stands here twice", name)
			name = ""
		}
		names = append(names, name)
	}
	for _, need := range []string{"name", "mac"} {
		if !slices.Contains(names, need) && t.list.Len() == 0 {
			line, _ := in.FieldPos(0)
			t.list.Addf(t.place(line, 1), "the first line names the columns: name,mac,address", "there is no column %s", need)
		}
	}
	return names
}

func columnKey(cell string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(cell)), " ", "_")
}

// at is where a cell begins, in characters: encoding/csv counts bytes.
func (t *Table) at(in *csv.Reader, i int) (line, column int) {
	line, column = in.FieldPos(i)
	if text := t.lines[min(line, len(t.lines))-1]; column-1 <= len(text) {
		column = utf8.RuneCountInString(text[:column-1]) + 1
	}
	return line, column
}

func (t *Table) row(in *csv.Reader, names, record []string) {
	first, _ := t.at(in, 0)
	row := Row{Line: first, Cells: map[string]string{}, columns: map[string]int{}}
	if len(record) > len(names) {
		line, column := t.at(in, len(names))
		t.list.Addf(t.place(line, column), "quote a cell that holds the separator", "%d cells, but %d columns", len(record), len(names))
		return
	}
	for i, cell := range record {
		line, column := t.at(in, i)
		cell = strings.TrimSpace(cell)
		if cell == "" || names[i] == "" {
			continue
		}
		if strings.ContainsFunc(cell, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.list.Addf(t.place(line, column), "write it on one line", "%s holds a character that can't be shown", names[i])
			continue
		}
		row.Cells[names[i]], row.columns[names[i]] = cell, column
		if names[i] != "mac" {
			continue
		}
		for _, text := range macs(cell) {
			mac, err := edit.ParseMAC(text)
			if err != nil {
				t.list.Addf(t.place(line, column), "write six bytes in hex; several MACs have spaces between", "%q is not a MAC", text)
				continue
			}
			row.MACs = append(row.MACs, mac)
		}
	}
	if len(row.Cells) == 0 {
		return
	}
	for _, need := range []string{"name", "mac"} {
		if row.Cells[need] == "" && slices.Contains(names, need) {
			t.list.Addf(t.place(first, 1), "fill it in, or take the line out", "a host without a %s", need)
		}
	}
	t.Rows = append(t.Rows, row)
}

// macs splits a cell with several MACs; 52 54 00 00 00 01 is one.
func macs(cell string) []string {
	if _, err := edit.ParseMAC(cell); err == nil {
		return []string{cell}
	}
	return split(cell)
}

// split splits a cell with several words.
func split(cell string) []string {
	return strings.FieldsFunc(cell, func(r rune) bool { return r == ' ' || r == ',' || r == ';' || r == '|' || r == '/' })
}

// where is the place of a row's cell, or of the row.
func (t *Table) where(r Row, column string) problem.Place {
	return t.place(r.Line, max(r.columns[column], 1))
}

// name is a row's name in messages.
func (r Row) name() string { return fmt.Sprintf("host %s", r.Cells["name"]) }
