package ort

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
)

// EnvLibrary is the environment variable that names a library to use instead
// of the pinned one.
const EnvLibrary = "GMPLAB_ORT"

// ErrNotFound is what Find's error wraps when `gmplab setup` would help: the
// library was never fetched, or the file in the cache is damaged.
var ErrNotFound = errors.New("ONNX Runtime is not installed for gmplab: run `gmplab setup`")

// ErrNoCgo is the error of everything that needs the library in a program that
// was built without cgo.
var ErrNoCgo = errors.New("ort: built without cgo: rebuild with CGO_ENABLED=1 and a C compiler to run ONNX models")

// Library is one ONNX Runtime library on this machine.
type Library struct {
	Path    string // path of the file; absolute where the cache folder's is
	Version string // ONNX Runtime release; empty for a library named by GMPLAB_ORT until Open reads it
	Source  string // where it came from: "npm PACKAGE@VERSION" or "GMPLAB_ORT"
	SHA256  string // checksum of the file, in hexadecimal
}

// Options says how a session uses the machine.
type Options struct {
	IntraOp int  // threads that share one Run, the caller's among them; 0 means 1
	Spin    bool // the library's threads spin between Runs; costs a core each while idle
}

// pin names one file of one published package and the checksums of both.
type pin struct {
	Package   string // npm package
	Version   string // of the package, which is also ONNX Runtime's
	Integrity string // of the tarball, in npm's notation: "sha512-" and base64
	Bytes     int64  // size of the tarball, for progress
	File      string // path inside the tarball
	SHA256    string // of the file
}

// The package holds the libraries of all platforms in one tarball.
const (
	npmPackage   = "onnxruntime-node"
	npmVersion   = "1.30.0"
	npmIntegrity = "sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw=="
	npmBytes     = 113507888
	npmFolder    = "package/bin/napi-v6/"
)

// pins is the one table of what is fetched, by GOOS/GOARCH.
var pins = map[string]pin{
	"linux/amd64":   {npmPackage, npmVersion, npmIntegrity, npmBytes, npmFolder + "linux/x64/libonnxruntime.so.1", "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23"},
	"linux/arm64":   {npmPackage, npmVersion, npmIntegrity, npmBytes, npmFolder + "linux/arm64/libonnxruntime.so.1", "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76"},
	"darwin/arm64":  {npmPackage, npmVersion, npmIntegrity, npmBytes, npmFolder + "darwin/arm64/libonnxruntime.1.30.0.dylib", "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d"},
	"windows/amd64": {npmPackage, npmVersion, npmIntegrity, npmBytes, npmFolder + "win32/x64/onnxruntime.dll", "508c362f5673483dd3a086379c392795b2e42d10d5e6f3f90ebd7ac21c97af67"},
	"windows/arm64": {npmPackage, npmVersion, npmIntegrity, npmBytes, npmFolder + "win32/arm64/onnxruntime.dll", "6c3a2abf5c6aca11c48a0d338a91af309f2266f25ce2e4084e6a87bbcb0fbfd0"},
}

// library is where the pinned file lies in the cache, and what it is.
func (p pin) library(cacheDir, goos, goarch string) Library {
	return Library{
		Path:    filepath.Join(cacheDir, "ort", p.Version, goos+"-"+goarch, path.Base(p.File)),
		Version: p.Version,
		Source:  p.source(),
		SHA256:  p.SHA256,
	}
}

func (p pin) source() string { return "npm " + p.Package + "@" + p.Version }

// DefaultCache returns the folder for what gmplab fetches: "gmplab" in the
// user's cache directory. It fails when the environment names no home.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("ort: this user has no cache directory (%w): set HOME or XDG_CACHE_HOME", err)
	}
	return filepath.Join(dir, "gmplab"), nil
}

// Find returns the library to use: the file that GMPLAB_ORT names, or else the
// pinned one in cacheDir, whose checksum it verifies. It touches no network.
// The error wraps [ErrNotFound] where `gmplab setup` would help; other errors
// are a GMPLAB_ORT that names no file and a platform without a pinned library.
func Find(cacheDir string) (Library, error) {
	if named := os.Getenv(EnvLibrary); named != "" {
		return findNamed(named)
	}
	return findPinned(cacheDir, pins, runtime.GOOS, runtime.GOARCH)
}

// findNamed returns the library that the user named.
func findNamed(name string) (Library, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return Library{}, fmt.Errorf("ort: %s=%s is no path (%w): correct or unset it", EnvLibrary, name, err)
	}
	sum, err := fileSHA256(abs)
	if err != nil {
		return Library{}, fmt.Errorf("ort: %s names %s, which cannot be read (%w): correct or unset it", EnvLibrary, abs, cause(err))
	}
	return Library{Path: abs, Source: EnvLibrary, SHA256: sum}, nil
}

// findPinned returns the pinned library from the cache, checked.
func findPinned(cacheDir string, pins map[string]pin, goos, goarch string) (Library, error) {
	p, ok := pins[goos+"/"+goarch]
	if !ok {
		return Library{}, unsupported(goos, goarch)
	}
	if cacheDir == "" {
		return Library{}, errNoCache
	}
	lib := p.library(cacheDir, goos, goarch)
	sum, err := fileSHA256(lib.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Library{}, fmt.Errorf("%w (there is no %s)", ErrNotFound, lib.Path)
	case err != nil:
		return Library{}, fmt.Errorf("%w (%s cannot be read: %w)", ErrNotFound, lib.Path, cause(err))
	case sum != p.SHA256:
		return Library{}, fmt.Errorf("%w (%s is damaged: its sha256 is %s and not %s)", ErrNotFound, lib.Path, sum, p.SHA256)
	}
	return lib, nil
}

var errNoCache = errors.New("ort: no cache folder was given: pass DefaultCache or a folder of your own")

// unsupported is the error for a platform without a row in the table.
func unsupported(goos, goarch string) error {
	return fmt.Errorf("ort: there is no pinned ONNX Runtime for %s/%s: set %s to a library of release %s or newer", goos, goarch, EnvLibrary, oldestRelease)
}

// oldestRelease is the oldest ONNX Runtime that serves the C API which the
// binding asks for (ORT_API_VERSION in its header; a test compares them).
const oldestRelease = "1.24"

// cause strips the operation and the path from a file error, for sentences
// that name the path themselves.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// fileSHA256 returns the checksum of a file in hexadecimal.
func fileSHA256(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
