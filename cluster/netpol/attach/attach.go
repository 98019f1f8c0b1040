// Package attach is what the enforcer and its CNI plugin have in common: which container has which address.
package attach

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// Attachment is one pod's sandbox on the network. A file each outlives the enforcer, so that it can be killed and started.
type Attachment struct {
	Container string     `json:"container"`
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	UID       string     `json:"uid"`
	Address   netip.Addr `json:"address"`
}

// Answer is what the enforcer says on its socket; an empty Error means that the pod's first packet is judged.
type Answer struct {
	Error string `json:"error,omitempty"`
}

const suffix = ".json"

// Save writes the file whole or not at all.
func Save(folder string, attachment Attachment) error {
	text, err := json.Marshal(attachment)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, attachment.Container+suffix)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Remove is content when the file is not there: CNI may ask twice.
func Remove(folder, container string) error {
	err := os.Remove(filepath.Join(folder, container+suffix))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// List reads all attachments.
func List(folder string) ([]Attachment, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var all []Attachment
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), suffix) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue // removed since the listing
		}
		if err != nil {
			return nil, err
		}
		var attachment Attachment
		if err := json.Unmarshal(text, &attachment); err != nil {
			return nil, err
		}
		all = append(all, attachment)
	}
	return all, nil
}
