//go:build unix

package ort

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scene is a small package, its pin, and a fake npm that serves it.
type scene struct {
	fetcher
	pin   pin
	cache string
	calls string // file that grows by a line with each call of npm
	lines []string
}

// newScene makes a scene whose npm runs the given shell lines; $CACHE is the
// folder of npm's cache and $TARBALL the package.
func newScene(t *testing.T, script string) *scene {
	t.Helper()
	dir := t.TempDir()
	file := bytes.Repeat([]byte("library "), 5000)
	tarball := packed(t, map[string][]byte{
		"package/README.md":       []byte("read me"),
		"package/bin/libfake.so":  file,
		"package/bin/libother.so": []byte("another platform"),
	})
	sum, wide := sha256.Sum256(file), sha512.New()
	wide.Write(tarball)
	s := &scene{cache: filepath.Join(dir, "cache"), calls: filepath.Join(dir, "calls")}
	s.pin = pin{
		Package: "fake", Version: "1.2.3", Integrity: integrity(wide), Bytes: int64(len(tarball)),
		File: "package/bin/libfake.so", SHA256: hex.EncodeToString(sum[:]),
	}
	s.npm, s.goos, s.goarch = "npm", "linux", "amd64"
	s.pins = map[string]pin{"linux/amd64": s.pin}
	s.progress = func(stage string, done, total int64) {
		assert.Equal(t, s.pin.Bytes, total)
		assert.LessOrEqual(t, done, total)
		s.lines = append(s.lines, stage+" "+strconv.FormatInt(done, 10))
	}
	path := filepath.Join(dir, "fake.tgz")
	require.NoError(t, os.WriteFile(path, tarball, 0o644))
	bin := filepath.Join(dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	head := "#!/bin/sh\nTARBALL=" + path + "\nCACHE=$5\necho \"$*\" >> " + s.calls + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "npm"), []byte(head+script), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	return s
}

// packed makes a gzipped tar archive.
func packed(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, data := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), Typeflag: tar.TypeReg}))
		_, err := w.Write(data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

// left lists the files below the cache.
func (s *scene) left(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(s.cache, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (!d.IsDir() || strings.HasPrefix(d.Name(), "fetch-")) {
			files = append(files, path)
		}
		return nil
	})
	require.NoError(t, err)
	return files
}

// refuses runs the fetch and asserts one clear line and a clean cache.
func (s *scene) refuses(t *testing.T, parts ...string) error {
	t.Helper()
	_, err := s.fetch(context.Background(), s.cache)
	sentence(t, err, parts...)
	assert.Empty(t, s.left(t))
	return err
}

const serve = "cp $TARBALL fake-1.2.3.tgz\necho fake-1.2.3.tgz\n"

func TestFetch(t *testing.T) {
	s := newScene(t, "head -c 100 $TARBALL > $CACHE/growing\nsleep 0.5\n"+serve)
	lib, err := s.fetch(context.Background(), s.cache)
	require.NoError(t, err)
	assert.Equal(t, Library{
		Path:    filepath.Join(s.cache, "ort", "1.2.3", "linux-amd64", "libfake.so"),
		Version: "1.2.3", Source: "npm fake@1.2.3", SHA256: s.pin.SHA256,
	}, lib)
	assert.Equal(t, []string{lib.Path}, s.left(t), "only the one file stays")

	all := strconv.FormatInt(s.pin.Bytes, 10)
	assert.Equal(t, "download 0", s.lines[0])
	for _, want := range []string{"download 100", "download " + all, "verify " + all} {
		assert.Contains(t, s.lines, want)
	}
	assert.Equal(t, "extract "+all, s.lines[len(s.lines)-1])

	calls, err := os.ReadFile(s.calls)
	require.NoError(t, err)
	assert.Regexp(t, `^pack --loglevel=error --ignore-scripts --cache \S+ fake@1\.2\.3\n$`, string(calls))

	found, err := findPinned(s.cache, s.pins, s.goos, s.goarch)
	require.NoError(t, err)
	assert.Equal(t, lib, found)

	s.npm = "no-such-npm"
	again, err := s.fetch(context.Background(), s.cache)
	require.NoError(t, err, "a full cache needs no npm")
	assert.Equal(t, lib, again)
}

func TestFetchRepairsADamagedFile(t *testing.T) {
	s := newScene(t, serve)
	s.progress = nil
	lib := s.pin.library(s.cache, s.goos, s.goarch)
	require.NoError(t, os.MkdirAll(filepath.Dir(lib.Path), 0o755))
	require.NoError(t, os.WriteFile(lib.Path, []byte("half"), 0o644))
	_, err := s.fetch(context.Background(), s.cache)
	require.NoError(t, err)
	_, err = findPinned(s.cache, s.pins, s.goos, s.goarch)
	require.NoError(t, err)
}

func TestFetchWithoutNpm(t *testing.T) {
	s := newScene(t, serve)
	t.Setenv("PATH", t.TempDir())
	s.refuses(t, "npm is not on PATH", "install Node.js", EnvLibrary)
}

func TestFetchWhenNpmFails(t *testing.T) {
	s := newScene(t, `cat >&2 <<'END'
npm error code E404
npm error 404 Not Found - GET https://packages.example.org/fake - Not found
npm error 404
npm error A complete log of this run can be found in: /somewhere/_logs/x.log
END
exit 1
`)
	err := s.refuses(t, "npm could not fetch fake@1.2.3 (E404: 404 Not Found - GET the registry - Not found)", "check the network")
	assert.NotContains(t, err.Error(), "example")
}

func TestFetchWhenNpmSaysNothing(t *testing.T) {
	newScene(t, "exit 3\n").refuses(t, "exit status 3")
	newScene(t, "exit 0\n").refuses(t, "left 0 packages instead of 1")
}

func TestFetchAWrongPackage(t *testing.T) {
	s := newScene(t, serve+"echo more >> fake-1.2.3.tgz\n")
	s.refuses(t, "package fake@1.2.3", "has the wrong checksum", "check which registry npm uses")
}

func TestFetchAWrongFile(t *testing.T) {
	s := newScene(t, serve)
	s.pin.SHA256 = strings.Repeat("0", 64)
	s.pins["linux/amd64"] = s.pin
	s.refuses(t, "the file package/bin/libfake.so of fake@1.2.3 has the wrong checksum")

	s.pin.File = "package/bin/libnone.so"
	s.pins["linux/amd64"] = s.pin
	s.refuses(t, "holds no package/bin/libnone.so")
}

func TestFetchAPackageThatIsNoArchive(t *testing.T) {
	s := newScene(t, "printf 'not an archive' > fake-1.2.3.tgz\n")
	wide := sha512.New()
	wide.Write([]byte("not an archive"))
	s.pin.Integrity = integrity(wide)
	s.pins["linux/amd64"] = s.pin
	s.refuses(t, "is no gzip file")
}

func TestFetchWithoutSpace(t *testing.T) {
	s := newScene(t, "echo 'npm error code ENOSPC' >&2\nexit 1\n")
	s.refuses(t, "no space left in "+s.cache, "make room")

	assert.True(t, noSpace(&fs.PathError{Op: "write", Path: "library", Err: syscall.ENOSPC}))
	assert.False(t, noSpace(&fs.PathError{Op: "write", Path: "library", Err: syscall.EACCES}))
}

func TestFetchOnAnUnsupportedPlatform(t *testing.T) {
	s := newScene(t, serve)
	s.goos = "solaris"
	_, err := s.fetch(context.Background(), s.cache)
	sentence(t, err, "solaris/amd64", EnvLibrary)
	_, err = Fetch(context.Background(), "", nil)
	sentence(t, err)
}

func TestFetchIntoAFolderThatCannotBe(t *testing.T) {
	s := newScene(t, serve)
	require.NoError(t, os.WriteFile(s.cache, []byte("a file"), 0o644))
	_, err := s.fetch(context.Background(), s.cache)
	sentence(t, err, "cannot be made", "choose a folder")
}

// Ending the context kills npm and what npm started, and leaves nothing behind.
func TestFetchIsStopped(t *testing.T) {
	s := newScene(t, "sleep 60 &\necho $$ $! > $TARBALL.pids\nwait\n")
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("the user pressed Ctrl-C")
	var pids []string
	go func() {
		for range 500 {
			time.Sleep(10 * time.Millisecond)
			b, _ := os.ReadFile(filepath.Join(filepath.Dir(s.calls), "fake.tgz.pids"))
			if pids = strings.Fields(string(b)); len(pids) == 2 {
				break
			}
		}
		cancel(reason)
	}()
	start := time.Now()
	_, err := s.fetch(ctx, s.cache)
	require.ErrorIs(t, err, reason)
	sentence(t, err, "was stopped")
	assert.Less(t, time.Since(start), 30*time.Second)
	assert.Empty(t, s.left(t))
	require.Len(t, pids, 2)
	for _, text := range pids {
		pid, err := strconv.Atoi(text)
		require.NoError(t, err)
		assert.Eventually(t, func() bool { return gone(pid) }, 5*time.Second, 10*time.Millisecond, "process %d", pid)
	}

	_, err = s.fetch(ctx, s.cache)
	require.ErrorIs(t, err, reason, "an ended context starts nothing")
	assert.Empty(t, s.left(t))
}

// gone tells whether a process has ended; one that nobody waits for has too.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return strings.Contains(string(stat), ") Z ")
}

// The context is heeded after the download too.
func TestFetchIsStoppedWhileUnpacking(t *testing.T) {
	for _, stage := range []string{StageDownload, StageVerify} {
		s := newScene(t, serve)
		ctx, cancel := context.WithCancel(context.Background())
		s.progress = func(at string, done, total int64) {
			if at == stage && done == total {
				cancel()
			}
		}
		_, err := s.fetch(ctx, s.cache)
		require.ErrorIs(t, err, context.Canceled, stage)
		sentence(t, err, "was stopped")
		assert.Empty(t, s.left(t))
	}
}

func TestNpmReason(t *testing.T) {
	for _, c := range []struct{ name, stderr, want string }{
		{"nothing", "", ""},
		{"no version", "npm error code ETARGET\nnpm error notarget No matching version found for fake@1.2.3.\nnpm error notarget In most cases you ask for what is not there.\n",
			"ETARGET: notarget No matching version found for fake@1.2.3."},
		{"no host", "npm ERR! code ENOTFOUND\nnpm ERR! errno ENOTFOUND\nnpm ERR! network request to https://a.example.org/fake failed, reason: getaddrinfo ENOTFOUND a.example.org\n",
			"ENOTFOUND: network request to the registry failed, reason: getaddrinfo ENOTFOUND the registry"},
		{"refused", "npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error errno ECONNREFUSED\nnpm error FetchError: request to http://127.0.0.1:9/fake failed, reason: connect ECONNREFUSED 127.0.0.1:9\nnpm error     at ClientRequest.<anonymous> (index.js:130:14)\n",
			"ECONNREFUSED: FetchError: request to the registry failed, reason: connect ECONNREFUSED the registry"},
		{"without a code", "npm warn old\nsomething broke\nproxy.corp.example.com:8080 said no\n", "the registry said no"},
		{"only a code", "npm error code EINTEGRITY\n", "EINTEGRITY"},
	} {
		assert.Equal(t, c.want, npmReason(c.stderr), c.name)
	}
}
