// Package reference holds the costs of the reference host, which predict what a machine without a calibration predicts, and read
// those that the committed predictions are charged (the file beside each measurement): so predictions are the same bytes on every
// machine of the same architecture (math.Log and math.Exp may differ in the last digit between architectures; linux/amd64 is the
// one that is tested).
//
// It is one calibration, made at the time that it carries; but for marks without Green Tea, which want a build of their own and
// were measured in the minutes behind it. What is charged to a committed prediction is it, with what wanders measured again
// seconds before the run.
package reference

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	"github.com/gmplab/lab"
)

//go:embed cost.json
var file []byte

// Cost gives the costs of the reference host, as gmplab calibrate wrote them.
func Cost() (lab.Cost, error) {
	var c struct {
		Schema int
		Cost   lab.Cost
	}
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return lab.Cost{}, fmt.Errorf("experiments/reference/cost.json: %w; replace it by a file that gmplab calibrate wrote", err)
	}
	return c.Cost, nil
}

// Read gives the costs in a file that gmplab run wrote beside its prediction (experiments.CostFile), and the SHA-256 of the file.
func Read(name string) (c lab.Cost, sum string, err error) {
	const remedy = "put there the cost.json that gmplab run wrote with the measurement"
	text, err := os.ReadFile(name)
	if err != nil {
		return c, "", fmt.Errorf("%w; %s", err, remedy)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, "", fmt.Errorf("%s: %w; %s", name, err, remedy)
	}
	return c, fmt.Sprintf("%x", sha256.Sum256(text)), nil
}
