package kickstart

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// A Word is one word of a line, without its quotes.
type Word struct {
	Text string
	Pos  Pos
}

// errQuote: a quote has no end on its line. errEscape: a backslash ends the file.
var (
	errQuote  = errors.New("a quote is not closed on this line")
	errEscape = errors.New("a backslash has nothing to escape")
)

// splitWords reads the words of one line, given with its line end, as pykickstart
// does, which is Python's shlex in POSIX mode: '...' is literal; in "..." a
// backslash escapes only " and itself; elsewhere it escapes any character, the line
// end too. With comments, an unquoted # starts one even inside a word. On an error
// the position is that of the open quote or the escape.
func splitWords(line string, number int, comments bool) ([]Word, Pos, error) {
	var (
		words []Word
		word  strings.Builder
		in    bool // a word has begun
		start Pos
		quote rune
		open  Pos
		col   int
	)
	end := func() {
		if in {
			words = append(words, Word{word.String(), start})
			word.Reset()
			in = false
		}
	}
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRuneInString(line[i:])
		text := line[i : i+size]
		i += size
		col++
		here := Pos{number, col}
		blank := r == ' ' || r == '\t' || r == '\r' || r == '\n'
		comment := comments && r == '#'
		if quote == 0 && !in && !blank && !comment {
			in, start = true, here
		}
		switch {
		case quote == '\'':
			if r == '\'' {
				quote = 0
			} else {
				word.WriteString(text)
			}
		case quote == '"':
			switch {
			case r == '"':
				quote = 0
			case r == '\\' && i < len(line) && (line[i] == '"' || line[i] == '\\'):
				word.WriteByte(line[i])
				i++
				col++
			default:
				word.WriteString(text)
			}
		case r == '\'' || r == '"':
			quote, open = r, here
		case comment:
			end()
			return words, Pos{}, nil
		case blank:
			end()
		case r == '\\':
			if i == len(line) {
				return nil, here, errEscape
			}
			_, size = utf8.DecodeRuneInString(line[i:])
			word.WriteString(line[i : i+size])
			i += size
			col++
		default:
			word.WriteString(text)
		}
	}
	if quote != 0 {
		return nil, open, errQuote
	}
	end()
	return words, Pos{}, nil
}
