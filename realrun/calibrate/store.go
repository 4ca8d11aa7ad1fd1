package calibrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"

	"github.com/gmplab/lab"
	"github.com/gmplab/lab/realrun/ort"
)

// schema numbers the form and the meaning of a calibration file; it grows when either changes.
const schema = 12

// file is what a calibration file holds.
type file struct {
	Schema int
	Cost   lab.Cost
}

// Save writes c to the calibration file of its host in cacheDir, all of it or nothing, and returns the path. It fails
// when the folder cannot be made or written.
func Save(cacheDir string, c lab.Cost) (path string, err error) {
	path = pathOf(cacheDir, c.Host.Name)
	text, err := json.MarshalIndent(file{schema, c}, "", "\t")
	if err != nil {
		return "", fmt.Errorf("calibrate: the costs cannot be written as JSON (%w): calibrate again", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("calibrate: the folder %s cannot be made (%w): choose a cache folder that you may write to", filepath.Dir(path), cause(err))
	}
	if err := maybe.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("calibrate: %s cannot be written (%w): choose a cache folder with room that you may write to", path, cause(err))
	}
	return path, nil
}

// Load reads the calibration file of this host from cacheDir. It fails when there is none, when it is damaged or of
// another schema, and when it was measured on another machine, kernel, toolchain or inference library than this
// process would use: then its numbers are no longer true.
func Load(cacheDir string) (lab.Cost, error) {
	lib, err := ort.Find(cacheDir)
	if err != nil {
		lib = ort.Library{}
	}
	return load(cacheDir, Host(lib))
}

func load(cacheDir string, here lab.Host) (lab.Cost, error) {
	path := pathOf(cacheDir, here.Name)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return lab.Cost{}, fmt.Errorf("calibrate: this machine is not calibrated (%s does not exist): run `gmplab calibrate`", path)
	}
	if err != nil {
		return lab.Cost{}, fmt.Errorf("calibrate: %s cannot be read (%w): make it readable or run `gmplab calibrate`", path, cause(err))
	}
	var head struct{ Schema int }
	if err := json.Unmarshal(text, &head); err != nil {
		return lab.Cost{}, fmt.Errorf("calibrate: %s is damaged (%w): run `gmplab calibrate`", path, err)
	}
	if head.Schema != schema {
		return lab.Cost{}, fmt.Errorf("calibrate: %s has schema %d and this program reads %d: run `gmplab calibrate`", path, head.Schema, schema)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return lab.Cost{}, fmt.Errorf("calibrate: %s is damaged (%w): run `gmplab calibrate`", path, err)
	}
	if err := sameHost(f.Cost.Host, here); err != nil {
		return lab.Cost{}, fmt.Errorf("calibrate: %s %w: run `gmplab calibrate`", path, err)
	}
	return f.Cost, nil
}

// sameHost names the first thing in which the machine measured differs from the one here.
func sameHost(then, here lab.Host) error {
	if then.Cores != here.Cores {
		return fmt.Errorf("was measured on %d cores and this process may use %d", then.Cores, here.Cores)
	}
	for _, d := range []struct{ what, then, here string }{
		{"host", then.Name, here.Name},
		{"processor", then.CPU, here.CPU},
		{"system", then.Kernel, here.Kernel},
		{"toolchain", then.Go, here.Go},
		{"inference library", then.Library, here.Library},
	} {
		if d.then != d.here {
			return fmt.Errorf("was measured with %s %q and here it is %q", d.what, d.then, d.here)
		}
	}
	return nil
}

// pathOf names the file of a host. Characters that a file name cannot hold everywhere become dashes.
func pathOf(cacheDir, host string) string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '-'
		}
		return r
	}, host)
	return filepath.Join(cacheDir, "calibration", name+".json")
}

// cause strips what the sentence around it says already: the operation and the path.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
