package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// timed runs a command to its end and returns how long it took.
func timed(cmd *exec.Cmd) (time.Duration, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if err != nil {
		return took, fmt.Errorf("%s: %w\n%s", cmd, err, stderr.String())
	}
	return took, nil
}

// median runs make n times after one warm-up.
func median(n int, make func() *exec.Cmd) (time.Duration, error) {
	var all []time.Duration
	for i := range n + 1 {
		took, err := timed(make())
		if err != nil {
			return 0, err
		}
		if i > 0 {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

const networkBlock = `
decnet {
  name    = "bench"
  seed    = "calm"
  runtime = "native"
}

network "lab" {
  parent  = "op0"
  subnet  = "10.64.0.0/10"
  gateway = "10.64.0.1"
  pool    = "10.96.0.0-10.127.255.250"
}
`

// fleet is a configuration of n deckies with three services each.
func fleet(n int, each bool) string {
	multiply, index := fmt.Sprintf("count = %d", n), "count.index"
	if each {
		multiply, index = fmt.Sprintf("for_each = toset([for i in range(%d) : tostring(i)])", n), "each.key"
	}
	return networkBlock + fmt.Sprintf(`
decky "host" {
  %s
  network  = network.lab
  hostname = "host-${%s}"

  service "ssh" {
    users = { root = "toor" }
  }
  service "http" {}
  service "redis" {}
}
`, multiply, index)
}

// terraformFleet is as many terraform_data instances by for_each. Terraform's
// range ends at 1,024, so two of them are multiplied.
func terraformFleet(n int) string {
	return fmt.Sprintf(`
resource "terraform_data" "host" {
  for_each = toset([for i in setproduct(range(%d), range(1000)) : "${i[0]}-${i[1]}" if i[0] * 1000 + i[1] < %d])
  input    = each.key
}
`, n/1000+1, n)
}

// write puts a file into a folder of its own.
func (b *bench) write(folder, name, content string) (string, error) {
	dir := filepath.Join(b.scratch, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600)
}

func (b *bench) environment(dir string) []string {
	return append(os.Environ(), "DECNET_DATA_DIR="+filepath.Join(dir, "data"), "DECNET_RUN_DIR="+filepath.Join(dir, "run"), "DECNET_DECKY="+filepath.Join(b.bin, "decky"))
}

func (b *bench) planTime(ctx context.Context, n int, each bool) (time.Duration, error) {
	dir, err := b.write(fmt.Sprintf("plan-%d-%t", n, each), "main.hcl", fleet(n, each))
	if err != nil {
		return 0, err
	}
	return median(b.size.runs, func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, filepath.Join(b.bin, "decnet"), "plan", dir)
		cmd.Env = b.environment(dir)
		return cmd
	})
}

// plans compares the whole command, from files to the printed plan, with
// Terraform's over as many instances.
func (b *bench) plans(ctx context.Context) error {
	var byEach time.Duration
	for _, each := range []bool{false, true} {
		how := "count"
		if each {
			how = "for_each"
		}
		small, err := b.planTime(ctx, b.size.small, each)
		if err != nil {
			return err
		}
		large, err := b.planTime(ctx, b.size.large, each)
		if err != nil {
			return err
		}
		exponent := math.Log(large.Seconds()/small.Seconds()) / math.Log(float64(b.size.large)/float64(b.size.small))
		b.report(figure{
			name:     fmt.Sprintf("plan of %d and %d deckies x 3 services by %s", b.size.small, b.size.large, how),
			measured: fmt.Sprintf("%.3f s, %.3f s: n^%.2f", small.Seconds(), large.Seconds(), exponent),
			goal:     "exponent <= 1.2", ok: exponent <= 1.2,
		})
		byEach = small
	}
	return b.terraform(ctx, byEach)
}

// patience is how long Terraform may take; its plan grows with the square of
// the instances.
const patience = 90 * time.Second

func (b *bench) terraform(ctx context.Context, own time.Duration) error {
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		note("no terraform binary here: the plan is not compared")
		return nil
	}
	instances := b.size.small * 4 // a decky and its three services
	for _, n := range []int{b.size.small, instances} {
		dir, err := b.write(fmt.Sprintf("terraform-%d", n), "main.tf", terraformFleet(n))
		if err != nil {
			return err
		}
		patient, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		command := func(args ...string) *exec.Cmd {
			cmd := exec.CommandContext(patient, terraform, append([]string{"-chdir=" + dir}, args...)...)
			cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
			return cmd
		}
		if _, err := timed(command("init", "-input=false")); err != nil {
			return err
		}
		took, err := median(1, func() *exec.Cmd { return command("plan", "-input=false", "-no-color") })
		than := ""
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case patient.Err() != nil:
			took, than = patience, ">"
		case err != nil:
			return err
		}
		ratio := took.Seconds() / own.Seconds()
		measured := fmt.Sprintf("%.3f s against %s%.3f s: %s%.1fx", own.Seconds(), than, took.Seconds(), than, ratio)
		if n == instances {
			b.report(figure{name: fmt.Sprintf("plan of %d deckies x 3 against terraform plan of %d", b.size.small, n), measured: measured, goal: ">= 10x", ok: ratio >= 10})
			continue
		}
		note("against terraform plan of %d instances, one for a decky with all its services: %s", n, measured)
	}
	return nil
}
