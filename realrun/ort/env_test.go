//go:build cgo

package ort

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// openLibrary opens the real library or skips the test with the reason.
func openLibrary(t *testing.T) Library {
	t.Helper()
	cache, err := DefaultCache()
	if err != nil {
		t.Skip(err)
	}
	lib, err := Find(cache)
	if err != nil {
		t.Skip(err)
	}
	require.NoError(t, Open(lib))
	return lib
}

// compiled builds a shared library from C source, or skips the test.
func compiled(t *testing.T, dir, name, source string, args ...string) string {
	t.Helper()
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc to build a fake library with")
	}
	c, so := filepath.Join(dir, name+".c"), filepath.Join(dir, "lib"+name+".so")
	require.NoError(t, os.WriteFile(c, []byte(source), 0o644))
	out, err := exec.Command(cc, append([]string{"-shared", "-fPIC", "-o", so, c}, args...)...).CombinedOutput()
	require.NoError(t, err, string(out))
	return so
}

func TestOpenTwice(t *testing.T) {
	lib := openLibrary(t)
	require.NoError(t, Open(lib), "the same library again")
	sentence(t, Open(Library{Path: "other.so"}), "is open already", "other.so")
	sentence(t, Open(Library{}), "no path")
	assert.NotEmpty(t, Version())
	if lib.Version != "" {
		assert.Equal(t, lib.Version, Version(), "the pin table says what the library says")
	}
	assert.Contains(t, Providers(), "CPU")
	require.NoError(t, Close())
	require.NoError(t, Close(), "nothing to close")
	assert.Empty(t, Version())
	assert.Empty(t, Providers())
	require.NoError(t, Open(lib), "open again after Close")
}

func TestOpenRefuses(t *testing.T) {
	require.NoError(t, Close())
	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	require.NoError(t, os.WriteFile(text, []byte("this is no library"), 0o644))
	for _, c := range []struct {
		name, path string
		parts      []string
	}{
		{"no library", text, []string{"cannot be loaded", EnvLibrary}},
		{"no file", filepath.Join(dir, "none.so"), []string{"cannot be loaded", EnvLibrary}},
		{"something else", compiled(t, dir, "else", "int f(void) { return 1; }\n"), []string{"is no ONNX Runtime"}},
		{"too old", compiled(t, dir, "old", `
typedef struct { const void *(*get)(unsigned); const char *(*version)(void); } base;
static const void *get(unsigned v) { return 0; }
static const char *version(void) { return "1.2.3"; }
static base b = { get, version };
base *OrtGetApiBase(void) { return &b; }
`), []string{"is too old", "ONNX Runtime 1.24 or newer", "libold.so"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Open(Library{Path: c.path})
			sentence(t, err, append(c.parts, c.path)...)
			assert.Empty(t, Version())
		})
	}
}

// A slim container lacks libstdc++; here it is a library that was deleted.
func TestOpenWithoutADependency(t *testing.T) {
	require.NoError(t, Close())
	dir := t.TempDir()
	needed := compiled(t, dir, "needed", "int g(void) { return 1; }\n")
	lib := compiled(t, dir, "needy", "int g(void); int f(void) { return g(); }\n", "-L"+dir, "-lneeded")
	require.NoError(t, os.Remove(needed))
	sentence(t, Open(Library{Path: lib}), lib, "needs libneeded.so, which this machine lacks", "install")
}

func TestOpenErrorOfARealMachine(t *testing.T) {
	err := openError(Library{Path: "/c/libonnxruntime.so.1"}, errors.New(`Platform-specific initialization failed: Error loading ONNX shared library "/c/libonnxruntime.so.1": libstdc++.so.6: cannot open shared object file: No such file or directory`))
	sentence(t, err, "needs libstdc++.so.6, which this machine lacks")
}

func TestNothingIsOpen(t *testing.T) {
	require.NoError(t, Close())
	_, err := Load([]byte("x"), Options{})
	require.ErrorIs(t, err, errNotOpen)
	sentence(t, err, "call Open first")
}
