package realrun

import (
	"os"
	"runtime"
	"strings"

	"github.com/gmplab/lab"
)

// ReadHost describes this machine. What the system does not tell is left as the architecture (CPU) or empty (Name);
// Library is the caller's to fill.
func ReadHost() lab.Host {
	h := lab.Host{CPU: runtime.GOARCH, Cores: runtime.NumCPU(), Kernel: runtime.GOOS, Go: runtime.Version()}
	h.Name, _ = os.Hostname()
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if model := cpuModel(string(b)); model != "" {
			h.CPU = model
		}
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel += " " + strings.TrimSpace(string(b))
	}
	return h
}

// cpuModel finds the model of the first CPU in /proc/cpuinfo; empty where the kernel gives none, as on arm64.
func cpuModel(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
