package usage

import (
	"embed"
	"fmt"
	"io"
	"strings"
)

//go:embed scripts
var scripts embed.FS

// Script is the completion script of bash, zsh or fish; "" for other shells.
func Script(shell string) string {
	text, err := scripts.ReadFile("scripts/rackhand." + shell)
	if err != nil {
		return ""
	}
	return string(text)
}

// filesLine stands for the shell's own completion of files.
const filesLine = ":files"

// Answer writes what a script asks for, a word a line, with its meaning behind a tab for zsh
// and fish. Args are the shell and its words; those of bash are the characters at which it
// breaks words and the line up to the cursor.
func Answer(out io.Writer, p Program, args []string, values func(kind string, words []string) []string) error {
	if len(args) == 0 {
		return nil
	}
	shell, words, done := args[0], args[1:], 0
	if shell == "bash" {
		if len(args) != 3 {
			return nil
		}
		words = split(args[2])
		words = words[min(1, len(words)-1):]
		// Bash replaces only what stands behind the last break in the word.
		done = strings.LastIndexAny(words[len(words)-1], strings.NewReplacer(" ", "", "\t", "", "\n", "", `"`, "", "'", "").Replace(args[1])) + 1
	}
	c := p.Complete(words, func(kind string) []string { return values(kind, words) })
	var b strings.Builder
	if c.Files {
		b.WriteString(filesLine + "\n")
	}
	for _, x := range c.Candidates {
		switch {
		case shell == "bash":
			b.WriteString(x.Word[min(done, len(x.Word)):] + "\n")
		case x.Text == "":
			b.WriteString(x.Word + "\n")
		default:
			fmt.Fprintf(&b, "%s\t%s\n", x.Word, x.Text)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// split splits a line of a shell into words, the last of them perhaps unfinished or empty.
func split(line string) []string {
	words, quote, escaped := []string{""}, rune(0), false
	for _, r := range line {
		word := &words[len(words)-1]
		switch {
		case escaped:
			*word += string(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case quote == 0 && (r == ' ' || r == '\t'):
			if *word != "" {
				words = append(words, "")
			}
		default:
			*word += string(r)
		}
	}
	return words
}
