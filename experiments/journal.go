package experiments

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gmplab/lab"
)

// A Journal is a file that keeps each measured repetition as soon as it is done, so that a run that was stopped goes on later, with the
// costs that its prediction was charged. Its first line says what it belongs to; each further line is one repetition, or the hash of the
// prediction.
type Journal struct {
	name string
	file *os.File
	head journalHead
	done []kept
	sum  string // of the prediction; empty: it was not decided
}

// journalHead is the first line of a Journal.
type journalHead struct {
	Experiment string   `json:"experiment"`
	Points     string   `json:"points_sha256"`
	Seed       uint64   `json:"seed"`
	Quick      bool     `json:"quick"`
	Program    string   `json:"program"` // which build of the program measures
	Host       lab.Host `json:"host"`
	Date       string   `json:"date"`    // when it began
	Command    string   `json:"command"` // as typed then
	Cost       lab.Cost `json:"cost"`
}

// kept is a further line: one repetition, or the prediction's hash.
type kept struct {
	Point      string             `json:"point,omitempty"`
	Rep        int                `json:"rep"`
	Values     map[string]float64 `json:"values,omitempty"`
	Notes      []string           `json:"notes,omitempty"`
	Prediction string             `json:"prediction_sha256,omitempty"`

	point int
}

func headOf(e *Experiment, o *Options, program string) (journalHead, error) {
	type point struct {
		Name     string
		Workload lab.Workload
		Knobs    lab.Knobs
	}
	var points []point
	for _, p := range e.Points {
		points = append(points, point{p.Name, p.Workload, p.Knobs})
	}
	text, err := json.Marshal(points)
	sum := sha256.Sum256(text)
	return journalHead{Experiment: e.Name, Points: hex.EncodeToString(sum[:]), Seed: o.Seed, Quick: o.Quick, Program: program, Host: o.Host}, err
}

// fits tells whether a journal goes on with a run: the same points, seed and repetitions, measured by the same program on the same host.
func (h *journalHead) fits(want *journalHead) bool {
	return h.Experiment == want.Experiment && h.Points == want.Points && h.Seed == want.Seed && h.Quick == want.Quick &&
		h.Program == want.Program && h.Host == want.Host
}

// NewJournal gives a journal for a run that begins. Its file, which must not exist, is made with the first repetition, and its folder, too:
// a run that is stopped before leaves nothing.
func NewJournal(name string, e *Experiment, o Options, program string) (*Journal, error) {
	head, err := headOf(e, &o, program)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the journal of what is measured cannot be begun: %s is there already, or cannot be looked for; choose another folder", name)
	}
	head.Date, head.Command, head.Cost = time.Now().UTC().Format(time.RFC3339), o.Command, o.Cost
	return &Journal{name: name, head: head}, nil
}

// begin makes the file.
func (j *Journal) begin() error {
	err := os.MkdirAll(filepath.Dir(j.name), 0o755)
	if err == nil {
		j.file, err = os.OpenFile(j.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	}
	if err != nil {
		return fmt.Errorf("the journal of what is measured cannot be begun: %w; choose another folder", err)
	}
	if err := j.line(j.head); err != nil || j.sum == "" {
		return err
	}
	return j.line(kept{Prediction: j.sum})
}

// OpenJournal opens the journal that a run of the same left when it was stopped; nil: there is none. A last line that was not written to its
// end is dropped. A journal of something else is an error: it may hold hours of measurement.
func OpenJournal(name string, e *Experiment, o Options, program string) (*Journal, error) {
	want, err := headOf(e, &o, program)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the journal of what was measured cannot be read: %w; remove it to begin anew", err)
	}
	j := &Journal{name: name}
	whole := bytes.LastIndexByte(text, '\n') + 1
	lines := bufio.NewScanner(bytes.NewReader(text[:whole]))
	lines.Buffer(nil, whole+1)
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &j.head) != nil || !j.head.fits(&want) {
		return nil, fmt.Errorf("%s is the journal of another run (%s, begun %s, of another build, host, seed or length); finish that one, remove the file, or choose another folder",
			name, named(j.head.Command), named(j.head.Date))
	}
	for lines.Scan() {
		var k kept
		if err := json.Unmarshal(lines.Bytes(), &k); err != nil {
			return nil, fmt.Errorf("%s: line %d is damaged: %w; remove the file to begin anew", name, len(j.done)+2, err)
		}
		if k.Prediction != "" {
			j.sum = k.Prediction
			continue
		}
		if k.point = e.point(k.Point); k.point >= 0 {
			j.done = append(j.done, k)
		}
	}
	if j.file, err = os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0o644); err == nil {
		err = j.file.Truncate(int64(whole))
	}
	if err != nil {
		return nil, fmt.Errorf("the journal of what was measured cannot be gone on with: %w; make it writable, or choose another folder", errors.Join(err, j.Close()))
	}
	return j, nil
}

// Resume sets what a run that goes on keeps: the costs, and the command as typed when it began.
func (j *Journal) Resume(o *Options) { o.Cost, o.Command = j.head.Cost, j.head.Command }

// Done counts the repetitions that it holds.
func (j *Journal) Done() int { return len(j.done) }

// decided writes down the hash of the prediction, or says that it is another one than when the run began.
func (j *Journal) decided(sum string) error {
	if j == nil || sum == j.sum {
		return nil
	}
	if j.sum != "" {
		return fmt.Errorf("the prediction has the hash %s, and had %s when %s was begun; remove the file to begin anew", sum, j.sum, j.name)
	}
	if j.sum = sum; j.file == nil {
		return nil
	}
	return j.line(kept{Prediction: sum})
}

// find gives a repetition that was measured before.
func (j *Journal) find(point, rep int) (k *kept, ok bool) {
	for i := 0; j != nil && i < len(j.done); i++ {
		if k = &j.done[i]; k.point == point && k.Rep == rep {
			return k, true
		}
	}
	return nil, false
}

// keep writes down a repetition.
func (j *Journal) keep(e *Experiment, s Sample, notes []string) error {
	if j == nil {
		return nil
	}
	if j.file == nil {
		if err := j.begin(); err != nil {
			return err
		}
	}
	return j.line(kept{Point: e.Points[s.Point].Name, Rep: s.Rep, Values: s.Values, Notes: notes})
}

func (j *Journal) line(v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = j.file.Write(append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("the journal of what is measured cannot be written: %w; make room, then give the same command again", err)
	}
	return nil
}

// Close closes the file, which stays for a later call.
func (j *Journal) Close() error {
	if j == nil || j.file == nil {
		return nil
	}
	return j.file.Close()
}

// Remove removes the file of a run whose results are written.
func (j *Journal) Remove() error {
	if j.file == nil {
		return nil
	}
	if err := os.Remove(j.name); err != nil {
		return fmt.Errorf("the journal of what was measured cannot be removed: %w; remove it by hand", err)
	}
	return nil
}
