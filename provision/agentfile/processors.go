package agentfile

import (
	"errors"
	"path/filepath"
)

// first is the processor whose programs lie in the folder itself, as they did when hosts had
// no other; those of another one lie in a folder of its name.
const first = "amd64"

// ByProcessor are the agents' programs for each processor, in Debian's word.
type ByProcessor map[string]*Programs

// LoadAll is [Load] for each processor of own. A nil program is one that this build lacks.
func LoadAll(dir, version string, own map[string][]byte, asked string) (ByProcessor, error) {
	all := ByProcessor{}
	var errs []error
	for processor, program := range own {
		folder := dir
		if processor != first {
			folder = filepath.Join(dir, processor)
		}
		p, err := Load(folder, version, program, asked)
		all[processor] = p
		errs = append(errs, err)
	}
	return all, errors.Join(errs...)
}

// Offered is the agent that hosts with a processor are to run; nil when they keep their own.
func (b ByProcessor) Offered(processor string) *Program {
	if p := b[processor]; p != nil {
		return p.Offered
	}
	return nil
}
