package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// hierarchies lists the mounted cgroup trees: one on version 2, one a controller on version 1.
func hierarchies() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroupRoot, "cgroup.controllers")); err == nil {
		return []string{cgroupRoot}, nil
	}
	entries, err := os.ReadDir(cgroupRoot)
	if err != nil {
		return nil, fmt.Errorf("no cgroups: %w", err)
	}
	var found []string
	for _, entry := range entries {
		path := filepath.Join(cgroupRoot, entry.Name())
		if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
			continue // cpu -> cpu,cpuacct
		}
		if _, err := os.Stat(filepath.Join(path, "cgroup.procs")); err == nil {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no cgroup hierarchy is mounted below %s", cgroupRoot)
	}
	return found, nil
}

func makeCgroups(name string) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	for _, tree := range trees {
		own := filepath.Join(tree, name)
		if err := os.Mkdir(own, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if err := prepare(tree, own); err != nil {
			return err
		}
		if err := weigh(own, runtime.NumCPU()); err != nil {
			return err
		}
	}
	return nil
}

// weigh gives the pods together what the node says that it has: a process's share for each processor. Left at one share,
// all pods would get no more than one of the node's parts when processors are short, and miss their probes first.
func weigh(own string, processors int) error {
	for _, file := range []struct {
		name       string
		share, top int
	}{{"cpu.shares", 1024, 262_144}, {"cpu.weight", 100, 10_000}} {
		path := filepath.Join(own, file.name)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue // another controller's tree, or the other version
		}
		if err := os.WriteFile(path, []byte(strconv.Itoa(min(file.share*processors, file.top))), 0); err != nil {
			return err
		}
	}
	return nil
}

// prepare hands controllers down: version 2 by subtree_control, version 1's cpuset by copying its empty files.
func prepare(tree, own string) error {
	if controllers, err := os.ReadFile(filepath.Join(tree, "cgroup.controllers")); err == nil {
		for _, controller := range strings.Fields(string(controllers)) {
			line := []byte("+" + controller)
			if err := os.WriteFile(filepath.Join(tree, "cgroup.subtree_control"), line, 0); err != nil {
				return fmt.Errorf("cgroup controller %s: %w", controller, err)
			}
			if err := os.WriteFile(filepath.Join(own, "cgroup.subtree_control"), line, 0); err != nil {
				return fmt.Errorf("cgroup controller %s: %w", controller, err)
			}
		}
		return nil
	}
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(tree, file))
		if errors.Is(err, os.ErrNotExist) {
			return nil // not the cpuset hierarchy
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(own, file), value, 0); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(own, "cgroup.clone_children"), []byte("1"), 0)
}

// thaw lets frozen processes go on, so that they can end: runc freezes a container while it signals it, and whoever was
// killed in that moment has left it frozen. A frozen process does not even die of SIGKILL.
func thaw(name string) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	for _, tree := range trees {
		err := filepath.WalkDir(filepath.Join(tree, name), func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, os.ErrNotExist) {
				return nil // gone meanwhile, or never there
			}
			if err != nil {
				return err
			}
			switch entry.Name() {
			case "freezer.state":
				err = os.WriteFile(path, []byte("THAWED"), 0o600)
			case "cgroup.freeze":
				err = os.WriteFile(path, []byte("0"), 0o600)
			}
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
				return nil // gone meanwhile
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("thawing cgroup %s: %w", filepath.Join(tree, name), err)
		}
	}
	return nil
}

// removeCgroups removes the cluster's groups, deepest first. The kernel may need a moment to let go of ended processes.
func removeCgroups(name string) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	for _, tree := range trees {
		own := filepath.Join(tree, name)
		deadline := time.Now().Add(10 * time.Second)
		for {
			err := removeTree(own)
			if err == nil || errors.Is(err, os.ErrNotExist) {
				break
			}
			if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
				return fmt.Errorf("cgroup %s: %w", own, err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

func removeTree(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeTree(filepath.Join(folder, entry.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return syscall.Rmdir(folder)
}
