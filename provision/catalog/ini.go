package catalog

import (
	"errors"
	"fmt"
	"strings"
)

// An INI is a key of an INI file.
type INI struct {
	Name string `json:"name"`
	Edited
	Ensure string `json:"ensure"` // present, absent
	// Section is the text between the brackets; "" for the lines before the first section.
	Section string `json:"section,omitempty"`
	Key     string `json:"key"`
	Value   string `json:"value,omitempty"`
	// Separator stands between key and value; "" means " = ".
	Separator string `json:"separator,omitempty"`
	// Multiple sets a key that is there several times everywhere.
	Multiple bool `json:"multiple,omitempty"`
}

func (i *INI) Title() string { return i.Name }

func (i *INI) absent() bool { return i.Ensure == Absent }

// Between is the separator.
func (i *INI) Between() string {
	if i.Separator == "" {
		return " = "
	}
	return i.Separator
}

func (i *INI) sets() (what, to string) {
	return fmt.Sprintf("%s of section [%s] in %s", i.Key, i.Section, i.Path), i.Ensure + " " + i.Value
}

func (i *INI) validate() error {
	sign := strings.TrimSpace(i.Between())
	switch {
	case len(i.Separator) > 8 || len(sign) > 1 || strings.ContainsAny(i.Separator, "\n\r\x00") || sign != "" && strings.ContainsAny(sign, `[]#;"'\`):
		return fmt.Errorf("separator %.20q: write one sign, such as = or :, with the blanks around it", i.Separator)
	case i.Key == "" || i.Key != strings.TrimSpace(i.Key) || strings.ContainsAny(i.Key[:1], "[#;") || sign != "" && strings.Contains(i.Key, sign) || sign == "" && strings.ContainsAny(i.Key, " \t"):
		return fmt.Errorf("key %.80q: write the name of a key, without the separator", i.Key)
	case strings.ContainsAny(i.Section, "[]") && i.Section != "":
		return fmt.Errorf("section %.80q: write its name without brackets", i.Section)
	case i.Section != strings.TrimSpace(i.Section) || i.Value != strings.TrimSpace(i.Value):
		return errors.New("section and value can't begin or end with a blank: readers of the file drop it")
	case i.Ensure == Absent && (i.Value != "" || i.Create):
		return errors.New("ensure: absent takes neither value nor create")
	}
	return errors.Join(checkEditName(i.Name), checkEnsure(i.Ensure), i.Edited.validate(),
		checkLine("section", i.Section), checkLine("key", i.Key), checkLine("value", i.Value))
}
