package ort

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Stages of Fetch, in their order, as progress reports them.
const (
	StageDownload = "download" // npm brings the package
	StageVerify   = "verify"   // the package's checksum is computed
	StageExtract  = "extract"  // the one file is unpacked and checked
)

// pollEvery is how often the growth of a download is looked at.
const pollEvery = 200 * time.Millisecond

// fetcher is what a fetch depends on; tests replace each field.
type fetcher struct {
	npm          string // command name or path
	pins         map[string]pin
	goos, goarch string
	progress     func(stage string, done, total int64)
}

// Fetch puts the pinned library into cacheDir and returns it; where it is there
// already, with the right checksum, Fetch only returns it. It runs `npm pack`
// in a temporary folder inside cacheDir, checks the package, extracts the one
// file, checks that too and renames it into place, so that the cache never
// holds half a file. The temporary folder is removed whatever happens; ending
// ctx stops npm with all its children. It needs npm and about two and a half
// times the package's size in free space while it runs.
//
// progress, if not nil, is called from this goroutine with the stage and the
// bytes done and to do in it. Every error is one sentence that says what to do;
// that of an ended ctx wraps ctx's cause.
func Fetch(ctx context.Context, cacheDir string, progress func(stage string, done, total int64)) (Library, error) {
	f := fetcher{npm: "npm", pins: pins, goos: runtime.GOOS, goarch: runtime.GOARCH, progress: progress}
	return f.fetch(ctx, cacheDir)
}

func (f fetcher) fetch(ctx context.Context, cacheDir string) (Library, error) {
	if f.progress == nil {
		f.progress = func(string, int64, int64) {}
	}
	p, ok := f.pins[f.goos+"/"+f.goarch]
	if !ok {
		return Library{}, unsupported(f.goos, f.goarch)
	}
	if cacheDir == "" {
		return Library{}, errNoCache
	}
	if lib, err := findPinned(cacheDir, f.pins, f.goos, f.goarch); err == nil {
		return lib, nil
	}
	lib := p.library(cacheDir, f.goos, f.goarch)
	err := f.fetchInto(ctx, cacheDir, p, lib.Path)
	switch {
	case err == nil:
		return lib, nil
	case ctx.Err() != nil:
		return Library{}, fmt.Errorf("ort: fetching ONNX Runtime was stopped (%w): run `gmplab setup` to start again", context.Cause(ctx))
	case noSpace(err):
		return Library{}, fmt.Errorf("ort: no space left in %s: fetching ONNX Runtime takes about %d MB there; make room and run `gmplab setup` again", cacheDir, p.Bytes*5/2/1e6)
	}
	return Library{}, fmt.Errorf("ort: %w", err)
}

// fetchInto does the work of fetch for one pin, from the download to the file
// at target.
func (f fetcher) fetchInto(ctx context.Context, cacheDir string, p pin, target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("the cache folder %s cannot be made: %w; choose a folder that you may write to", filepath.Dir(target), cause(err))
	}
	removeStale(cacheDir)
	temp, err := os.MkdirTemp(cacheDir, "fetch-")
	if err != nil {
		return fmt.Errorf("no temporary folder can be made in %s: %w; choose a folder that you may write to", cacheDir, cause(err))
	}
	defer os.RemoveAll(temp)
	tarball, err := f.download(ctx, temp, p)
	if err != nil {
		return err
	}
	if err := f.verify(ctx, tarball, p); err != nil {
		return err
	}
	file := filepath.Join(temp, "library")
	if err := f.extract(ctx, tarball, file, p); err != nil {
		return err
	}
	if err := os.Rename(file, target); err != nil {
		return fmt.Errorf("%s cannot be put in place: %w; close the programs that use it and run `gmplab setup` again", target, cause(err))
	}
	return nil
}

// download lets npm put the package's tarball into a folder of temp and returns
// its path. npm's own cache lies in temp too: it is where the download grows
// while it runs, and it leaves no second copy behind.
func (f fetcher) download(ctx context.Context, temp string, p pin) (string, error) {
	npm, err := exec.LookPath(f.npm)
	if err != nil {
		return "", fmt.Errorf("npm is not on PATH: install Node.js, which brings it, and run `gmplab setup` again, or set %s to a library of release %s or newer", EnvLibrary, oldestRelease)
	}
	work, npmCache := filepath.Join(temp, "pack"), filepath.Join(temp, "npm")
	for _, dir := range []string{work, npmCache} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return "", fmt.Errorf("%s cannot be made: %w; choose a folder that you may write to", dir, cause(err))
		}
	}
	// Not --silent: it would hide the reason of a failure too.
	cmd := exec.CommandContext(ctx, npm, "pack", "--loglevel=error", "--ignore-scripts", "--cache", npmCache, p.Package+"@"+p.Version)
	cmd.Dir = work
	cmd.WaitDelay = 2 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	killGroup(cmd)
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("npm cannot be started: %w; check the Node.js installation", cause(err))
	}
	if err := f.watch(cmd, npmCache, p.Bytes); err != nil {
		return "", npmError(p, stderr.String(), err)
	}
	tarballs, err := filepath.Glob(filepath.Join(work, "*.tgz"))
	if err != nil || len(tarballs) != 1 {
		return "", fmt.Errorf("npm pack left %d packages instead of 1: run `npm pack %s@%s` by hand to see why", len(tarballs), p.Package, p.Version)
	}
	return tarballs[0], nil
}

// watch waits for npm to end and reports meanwhile how far dir has grown.
func (f fetcher) watch(cmd *exec.Cmd, dir string, total int64) error {
	f.progress(StageDownload, 0, total)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err == nil {
				f.progress(StageDownload, total, total)
			}
			return err
		case <-tick.C:
			f.progress(StageDownload, min(sizeOf(dir), total), total)
		}
	}
}

// sizeOf sums the files below dir; files that vanish meanwhile count nothing.
func sizeOf(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

// verify checks the tarball against the pinned integrity.
func (f fetcher) verify(ctx context.Context, tarball string, p pin) error {
	in, err := os.Open(tarball)
	if err != nil {
		return fmt.Errorf("the fetched package cannot be read: %w; run `gmplab setup` again", cause(err))
	}
	defer in.Close()
	h := sha512.New()
	r := &reader{ctx: ctx, in: in, stage: StageVerify, total: p.Bytes, progress: f.progress}
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("the fetched package cannot be read: %w; run `gmplab setup` again", cause(err))
	}
	if got := integrity(h); got != p.Integrity {
		return fmt.Errorf("the package %s@%s that npm fetched has the wrong checksum (%s and not %s): check which registry npm uses and run `gmplab setup` again", p.Package, p.Version, got, p.Integrity)
	}
	return nil
}

func integrity(h hash.Hash) string {
	return "sha512-" + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// extract writes the one pinned file of the tarball to target and checks it.
func (f fetcher) extract(ctx context.Context, tarball, target string, p pin) error {
	in, err := os.Open(tarball)
	if err != nil {
		return fmt.Errorf("the fetched package cannot be read: %w; run `gmplab setup` again", cause(err))
	}
	defer in.Close()
	unzip, err := gzip.NewReader(&reader{ctx: ctx, in: in, stage: StageExtract, total: p.Bytes, progress: f.progress})
	if err != nil {
		return fmt.Errorf("the package %s@%s is no gzip file (%w): report this, for its checksum was right", p.Package, p.Version, err)
	}
	entries := tar.NewReader(unzip)
	for {
		head, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the package %s@%s holds no %s: report this, for its checksum was right", p.Package, p.Version, p.File)
		}
		if err != nil {
			return fmt.Errorf("the package %s@%s cannot be unpacked (%w): run `gmplab setup` again", p.Package, p.Version, err)
		}
		if head.Name == p.File && head.Typeflag == tar.TypeReg {
			break
		}
	}
	sum, err := writeFile(target, entries)
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w; run `gmplab setup` again", target, cause(err))
	}
	if sum != p.SHA256 {
		return fmt.Errorf("the file %s of %s@%s has the wrong checksum (sha256 %s and not %s): report this, for the package's own was right", p.File, p.Package, p.Version, sum, p.SHA256)
	}
	f.progress(StageExtract, p.Bytes, p.Bytes)
	return nil
}

// writeFile writes in to a new file, down to the disk, and returns its sha256.
func writeFile(name string, in io.Reader) (sum string, err error) {
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, h), in)
	err = errors.Join(err, out.Sync(), out.Close())
	return hex.EncodeToString(h.Sum(nil)), err
}

// reader counts what is read, reports it, and ends with ctx.
type reader struct {
	ctx         context.Context
	in          io.Reader
	stage       string
	done, total int64
	told        time.Time
	progress    func(stage string, done, total int64)
}

func (r *reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.in.Read(b)
	r.done += int64(n)
	if now := time.Now(); now.Sub(r.told) >= pollEvery || errors.Is(err, io.EOF) {
		r.told = now
		r.progress(r.stage, min(r.done, r.total), r.total)
	}
	return n, err
}

// staleAfter is the age from which a fetch's folder is what a killed process has left.
const staleAfter = time.Hour

// removeStale removes the folders of fetches that were killed.
func removeStale(cacheDir string) {
	left, _ := filepath.Glob(filepath.Join(cacheDir, "fetch-*"))
	for _, dir := range left {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = os.RemoveAll(dir)
		}
	}
}
