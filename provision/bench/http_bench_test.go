//go:build bench

package bench

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rackhand/bootfiles/image"
)

// How HTTP is measured.
const (
	httpClients = 50
	// The sizes of an installer's kernel and initrd (Debian 12's, with firmware).
	kernelSize = 8 << 20
	initrdSize = 32 << 20
	// A round more than that of DHCP costs seconds only.
	httpRoundsMore = 2
)

// A site is an HTTP server with the image's files under a URL.
type site struct {
	name, base  string
	daemon      *serverProcess
	seconds     []float64
	cpu         []float64
	clientsTook []float64 // processor seconds of the clients
}

func TestHTTP(t *testing.T) {
	dir := t.TempDir()
	r := newTestNetwork(t)
	files := makeImage(t, filepath.Join(dir, rackhand, "state", "images"))
	sites := []*site{
		{name: rackhand, base: "http://" + serverAddr + "/image/bench/"},
		{name: "nginx", base: "http://" + serverAddr + ":8080/"},
	}
	sites[0].daemon = startRackhand(r, program(t), filepath.Join(dir, rackhand), fmt.Sprintf(inventory, serverAddr, serverAddr, poolFirst, poolLast))
	sites[1].daemon = startNginx(r, dir, filepath.Join(dir, rackhand, "state", "images", "bench"))
	for _, s := range sites {
		s.daemon.await(func() error {
			// One client alone, with the files' sums: also the files are in memory
			// for everybody after this.
			_, err := r.fetch(fetchJob{Base: s.base, Files: files, Clients: 1, Sums: true})
			return err
		})
	}
	busy := otherWork(t)
	for round := range *rounds + httpRoundsMore {
		for _, s := range sites {
			before := s.daemon.cpu()
			got, err := r.fetch(fetchJob{Base: s.base, Files: files, Clients: httpClients})
			if err != nil {
				t.Fatalf("%s: %v; it said: %s", s.name, err, s.daemon.said())
			}
			s.seconds = append(s.seconds, got.Seconds)
			s.cpu = append(s.cpu, s.daemon.cpu()-before)
			s.clientsTook = append(s.clientsTook, got.CPU)
			progress("http: round %d: %s: %.2f s", round+1, s.name, got.Seconds)
		}
		slices.Reverse(sites) // so that neither is always first
	}
	slices.SortFunc(sites, func(a, b *site) int { return len(b.name) - len(a.name) })
	publish(t, "http", warning(busy)+httpTable(sites).Markdown())
}

func httpTable(sites []*site) Table {
	table := Table{Head: []string{"server", "seconds, median", "fastest–slowest", "MB/s", "speed to nginx", "its CPU s", "clients' CPU s"}}
	const megabytes = httpClients * (kernelSize + initrdSize) / 1e6
	nginx := Median(sites[slices.IndexFunc(sites, func(s *site) bool { return s.name == "nginx" })].seconds)
	for _, s := range sites {
		m := Median(s.seconds)
		table.Rows = append(table.Rows, []string{
			s.name, fmt.Sprintf("%.2f", m), fmt.Sprintf("%.2f–%.2f", slices.Min(s.seconds), slices.Max(s.seconds)),
			fmt.Sprintf("%.0f", megabytes/m), fmt.Sprintf("%.2f ×", nginx/m),
			fmt.Sprintf("%.2f", Median(s.cpu)), fmt.Sprintf("%.2f", Median(s.clientsTook)),
		})
	}
	table.Legend = []string{fmt.Sprintf(
		"%d clients at once fetch a kernel of %d MiB and then an initrd of %d MiB, each over one connection, and discard them. The time is from the first request to the last byte of all. The files are random bytes in memory, checked by their length, and once for each server by SHA-256. In turns, %d rounds, the median; the order is reversed each time. nginx is configured as Debian does it: sendfile and tcp_nopush on, worker_processes auto, access log. Servers and clients share the machine's cores.",
		httpClients, kernelSize>>20, initrdSize>>20, *rounds+httpRoundsMore)}
	return table
}

// makeImage puts an image with the name bench into a folder of images, and returns the
// files that boxes fetch, in order.
func makeImage(t *testing.T, images string) []image.File {
	t.Helper()
	m := image.Manifest{Name: "bench", Created: time.Now(), Release: "bookworm", Arch: "amd64", Files: map[string]image.File{}}
	for name, size := range map[string]int{
		image.KernelFile: kernelSize, image.InitrdFile: initrdSize, image.BaseFile: 1, image.PackagesFile: 1, image.RootFile: 1,
	} {
		content := make([]byte, size)
		if _, err := rand.Read(content); err != nil {
			t.Fatal(err)
		}
		save(t, string(content), images, m.Name, name)
		sum := sha256.Sum256(content)
		m.Files[name] = image.File{Name: name, Size: int64(size), SHA256: hex.EncodeToString(sum[:])}
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	save(t, string(text), images, m.Name, image.ManifestFile)
	return []image.File{m.Files[image.KernelFile], m.Files[image.InitrdFile]}
}

// nginxConf is Debian's nginx.conf without the parts for TLS and other sites, and with this
// test's paths for files and log.
const nginxConf = `user root;
worker_processes auto;
daemon off;
pid nginx.pid;
error_log error.log;
events { worker_connections 768; }
http {
  sendfile on;
  tcp_nopush on;
  types_hash_max_size 2048;
  default_type application/octet-stream;
  access_log access.log;
  gzip on;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen 8080;
    root %s;
  }
}
`

func startNginx(r *testNetwork, dir, root string) *serverProcess {
	r.t.Helper()
	bin, env := peer(r.t, "nginx-light", "usr/sbin/nginx")
	dir = filepath.Join(dir, "nginx")
	conf := save(r.t, fmt.Sprintf(nginxConf, root), dir, "nginx.conf")
	return r.start("nginx", dir, env, bin, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", conf)
}

// fetch runs the clients: this test's program again, in the clients' namespace.
func (r *testNetwork) fetch(job fetchJob) (fetched, error) {
	self, err := os.Executable()
	if err != nil {
		return fetched{}, err
	}
	text, err := json.Marshal(job)
	if err != nil {
		return fetched{}, err
	}
	out, err := r.onClient([]string{envFetch + "=" + string(text)}, self)
	if err != nil {
		return fetched{}, fmt.Errorf("the clients: %w: %s", err, abridged(out))
	}
	var got fetched
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		return fetched{}, fmt.Errorf("the clients said %q: %w", abridged(out), err)
	}
	return got, nil
}
