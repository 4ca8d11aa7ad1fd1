package ort

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sentence asserts that err is one clear line without a host.
func sentence(t *testing.T, err error, parts ...string) {
	t.Helper()
	require.Error(t, err)
	for _, part := range parts {
		assert.ErrorContains(t, err, part)
	}
	assert.NotContains(t, err.Error(), "\n")
	assert.NotContains(t, err.Error(), "://")
}

func TestPinsAreWellFormed(t *testing.T) {
	require.NotEmpty(t, pins)
	for platform, p := range pins {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.Integrity, "sha512-"))
		assert.NoError(t, err, platform)
		assert.Len(t, raw, 64, platform)
		raw, err = hex.DecodeString(p.SHA256)
		assert.NoError(t, err, platform)
		assert.Len(t, raw, 32, platform)
		goos, goarch, _ := strings.Cut(platform, "/")
		lib := p.library("cache", goos, goarch)
		assert.Equal(t, filepath.Join("cache", "ort", p.Version, goos+"-"+goarch), filepath.Dir(lib.Path))
	}
}

// The binding's header says which C API it asks for; release 1.N serves 1 to N.
func TestOldestReleaseIsTheBindings(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Skipf("the binding's source cannot be found: %v", err)
	}
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "onnxruntime_c_api.h"))
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^#define ORT_API_VERSION (\d+)`).FindSubmatch(header)
	require.NotNil(t, m)
	assert.Equal(t, "1."+string(m[1]), oldestRelease)
}

func TestFindInAnEmptyCache(t *testing.T) {
	t.Setenv(EnvLibrary, "")
	_, err := findPinned(t.TempDir(), pins, "linux", "amd64")
	require.ErrorIs(t, err, ErrNotFound)
	sentence(t, err, "run `gmplab setup`", "libonnxruntime.so.1")
	_, err = Find("")
	require.NotErrorIs(t, err, ErrNotFound)
	sentence(t, err)
}

func TestFindADamagedFile(t *testing.T) {
	cache := t.TempDir()
	lib := pins["linux/amd64"].library(cache, "linux", "amd64")
	require.NoError(t, os.MkdirAll(filepath.Dir(lib.Path), 0o755))
	require.NoError(t, os.WriteFile(lib.Path, []byte("half a file"), 0o644))
	_, err := findPinned(cache, pins, "linux", "amd64")
	require.ErrorIs(t, err, ErrNotFound)
	sentence(t, err, "is damaged", lib.SHA256)
}

func TestFindOnAnUnsupportedPlatform(t *testing.T) {
	_, err := findPinned(t.TempDir(), pins, "solaris", "amd64")
	require.NotErrorIs(t, err, ErrNotFound)
	sentence(t, err, "solaris/amd64", EnvLibrary, oldestRelease)
}

func TestFindNamedByTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.so")
	require.NoError(t, os.WriteFile(file, []byte("abc"), 0o644))
	t.Setenv(EnvLibrary, file)
	lib, err := Find(dir)
	require.NoError(t, err)
	assert.Equal(t, Library{
		Path: file, Source: EnvLibrary,
		SHA256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", // of "abc", from FIPS 180
	}, lib)

	t.Setenv(EnvLibrary, filepath.Join(dir, "missing.so"))
	_, err = Find(dir)
	require.NotErrorIs(t, err, ErrNotFound)
	sentence(t, err, EnvLibrary+" names", "missing.so", "correct or unset it")
	assert.Equal(t, 1, strings.Count(err.Error(), "missing.so"), "the path is named once")

	t.Setenv(EnvLibrary, dir)
	_, err = Find(dir)
	sentence(t, err, EnvLibrary+" names")
}

func TestDefaultCache(t *testing.T) {
	dir, err := DefaultCache()
	require.NoError(t, err)
	assert.Equal(t, "gmplab", filepath.Base(dir))
	if runtime.GOOS != "windows" {
		t.Setenv("HOME", "")
		t.Setenv("XDG_CACHE_HOME", "")
		_, err = DefaultCache()
		sentence(t, err, "no cache directory")
	}
}
