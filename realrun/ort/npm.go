package ort

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"syscall"
)

// errNoSpace marks a failure of npm for want of disk space.
var errNoSpace = errors.New("no space left on the disk")

// noSpace tells whether err is a full disk, npm's or ours.
func noSpace(err error) bool {
	const windowsDiskFull = syscall.Errno(112) // ERROR_DISK_FULL
	return errors.Is(err, errNoSpace) || errors.Is(err, syscall.ENOSPC) ||
		runtime.GOOS == "windows" && errors.Is(err, windowsDiskFull)
}

// npmError makes one sentence of a failed `npm pack`, from what npm wrote.
func npmError(p pin, stderr string, err error) error {
	if strings.Contains(stderr, "ENOSPC") {
		return errNoSpace
	}
	reason := npmReason(stderr)
	if reason == "" {
		reason = err.Error()
	}
	return fmt.Errorf("npm could not fetch %s@%s (%s): check the network and npm's settings and run `gmplab setup` again, or set %s to a library of release %s or newer", p.Package, p.Version, reason, EnvLibrary, oldestRelease)
}

var (
	npmPrefix = regexp.MustCompile(`^npm (error|ERR!|warn|WARN|notice) ?`)
	npmCode   = regexp.MustCompile(`^code (\S+)$`)
	npmNoise  = regexp.MustCompile(`^(code|errno|syscall|path) |^at |^A complete log|^[{}]|^(code|errno|type|port|address):`)
	hosts     = regexp.MustCompile(`[a-z]+://\S+|\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b|\b[\w-]+(\.[\w-]+)+\.[a-zA-Z]{2,}(:\d+)?\b|\blocalhost(:\d+)?\b|(ENOTFOUND|EAI_AGAIN) \S+`)
)

// npmReason picks the line that says most: after an error code npm explains it
// first and then gives advice; without a code the last line is the reason. Hosts
// are replaced, since they are the user's own affair and no help in a report.
func npmReason(stderr string) string {
	var code string
	var lines []string
	for line := range strings.Lines(stderr) {
		line = npmPrefix.ReplaceAllString(strings.TrimSpace(line), "")
		line = strings.TrimSpace(line)
		if m := npmCode.FindStringSubmatch(line); m != nil {
			code = m[1]
		}
		if line != "" && !npmNoise.MatchString(line) {
			lines = append(lines, line)
		}
	}
	switch {
	case len(lines) == 0:
		return code
	case code == "":
		return withoutHosts(lines[len(lines)-1])
	}
	return code + ": " + withoutHosts(lines[0])
}

// withoutHosts replaces addresses of machines by "the registry".
func withoutHosts(line string) string {
	return hosts.ReplaceAllStringFunc(line, func(found string) string {
		if code, _, ok := strings.Cut(found, " "); ok {
			return code + " the registry"
		}
		return "the registry"
	})
}
