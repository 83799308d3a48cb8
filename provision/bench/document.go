package bench

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/renameio/v2"
)

// Rewrite puts a text between the markers of a name in a Markdown document:
//
//	<!-- bench NAME -->
//	...
//	<!-- end NAME -->
//
// It replaces all text between them; the rest stays byte for byte. A document without
// exactly one such pair is an error.
func Rewrite(document, name, text string) (string, error) {
	begin, end := fmt.Sprintf("<!-- bench %s -->\n", name), fmt.Sprintf("<!-- end %s -->", name)
	if strings.Count(document, begin) != 1 || strings.Count(document, end) != 1 {
		return "", fmt.Errorf("the document must have one line %q and after it one line %q", strings.TrimSpace(begin), end)
	}
	before, rest, _ := strings.Cut(document, begin)
	_, after, found := strings.Cut(rest, end)
	if !found {
		return "", fmt.Errorf("the document has %q before %q", end, strings.TrimSpace(begin))
	}
	return before + begin + "\n" + strings.TrimSpace(text) + "\n\n" + end + after, nil
}

// RewriteFile does the same to a file, atomically.
func RewriteFile(path, name, text string) error {
	document, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: give the path of docs/performance.md", err)
	}
	if err != nil {
		return err
	}
	changed, err := Rewrite(string(document), name, text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return renameio.WriteFile(path, []byte(changed), 0o644)
}
