package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestParseStatSkipsStrangeCommandNames(t *testing.T) {
	process, err := parseStat("42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2")
	if err != nil || process != (processState{state: "S", started: "98765"}) {
		t.Fatalf("got %v %v", process, err)
	}
	// 4194564: the same flags, and PF_EXITING.
	if process, err = parseStat("42 (a) S 1 42 42 0 -1 4194564 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2"); err != nil || !process.exiting {
		t.Fatalf("a process that is ending: got %v %v", process, err)
	}
	if _, err := parseStat("42 (cut"); err == nil {
		t.Fatal("a cut line must be an error")
	}
}

func testConfig(t *testing.T) *Config {
	config := &Config{Name: "unit", State: t.TempDir()}
	for _, folder := range []string{"pki", "run"} {
		if err := os.MkdirAll(config.path(folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return config
}

func TestPodsWeighWhatTheirNodeHas(t *testing.T) {
	for _, example := range []struct {
		file, want string
		processors int
	}{{"cpu.shares", "2048", 2}, {"cpu.weight", "200", 2}, {"cpu.weight", "10000", 192}} {
		group := t.TempDir()
		path := filepath.Join(group, example.file)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := weigh(group, example.processors); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != example.want {
			t.Errorf("%s of %d processors: %s %v", example.file, example.processors, text, err)
		}
	}
	group := t.TempDir()
	if err := weigh(group, 2); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(group); err != nil || len(entries) != 0 {
		t.Errorf("a tree without processors got %v %v", entries, err)
	}
}

func TestAliveNeedsTheSameProcessNotTheSameNumber(t *testing.T) {
	config := testConfig(t)
	if err := writePIDFile(config, os.Getpid()); err != nil {
		t.Fatal(err)
	}
	if pid, err := alive(config); err != nil || pid != os.Getpid() {
		t.Fatalf("got %d %v", pid, err)
	}
	for _, text := range []string{fmt.Sprintf("%d 1\n", os.Getpid()), "", "12", "x y"} {
		if err := os.WriteFile(config.run("pid"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if pid, err := alive(config); err == nil {
			t.Fatalf("%q names process %d", text, pid)
		}
	}
}

func TestKeysAreKeptUntilTheyAreOfNoUse(t *testing.T) {
	config := testConfig(t)
	read := func(name string) string {
		text, err := os.ReadFile(config.pki(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	make := func() {
		if err := makeKeys(config); err != nil {
			t.Fatal(err)
		}
	}
	make()
	authority, admin := read("ca.crt"), read("admin.crt")
	make()
	if read("ca.crt") != authority || read("admin.crt") != admin {
		t.Fatal("good keys were made anew")
	}
	// A kill between two writes: certificate and key of different makings.
	if err := os.WriteFile(config.pki("admin.key"), []byte(read("kubelet.key")), 0o600); err != nil {
		t.Fatal(err)
	}
	make()
	if read("admin.crt") == admin || read("ca.crt") != authority {
		t.Fatal("a certificate with another's key must be made anew, and nothing else")
	}
	kubelet := read("kubelet.crt")
	if err := os.Remove(config.pki("ca.key")); err != nil {
		t.Fatal(err)
	}
	make()
	if read("kubelet.crt") == kubelet {
		t.Fatal("a new authority must sign all anew")
	}
}

func TestHeartbeatOfAnEarlierRunDoesNotCount(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 500, time.UTC)
	node := func(beat time.Time, status string) []byte {
		return fmt.Appendf(nil, `{"status":{"conditions":[{"type":"Ready","status":%q,"message":"why","lastHeartbeatTime":%q}]}}`, status, beat.Format(time.RFC3339))
	}
	if judgeNode(node(start.Add(-time.Minute), "True"), start) == nil {
		t.Fatal("an old heartbeat counts")
	}
	if err := judgeNode(node(start.Add(time.Second), "True"), start); err != nil {
		t.Fatal(err)
	}
	if judgeNode(node(start.Add(time.Second), "False"), start) == nil || judgeNode([]byte(`{}`), start) == nil {
		t.Fatal("not ready counts as ready")
	}
}

func TestBadConfigIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "launcher.json")
	for _, text := range []string{`{`, `{"name":"../x","state":"/s","binaries":"/b","cniPlugins":"/c"}`, `{"name":"x","state":"s","binaries":"/b","cniPlugins":"/c"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readConfig(path); err == nil {
			t.Fatalf("%s was taken", text)
		}
	}
}
