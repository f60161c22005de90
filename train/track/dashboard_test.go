package track

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// get makes a request with headers, given as name, value, and so on. The header Host names the page.
func get(t testing.TB, method, url string, headers ...string) (answer *http.Response, body string) {
	t.Helper()
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if request.Header.Set(headers[i], headers[i+1]); headers[i] == "Host" {
			request.Host = headers[i+1]
		}
	}
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	answer, err = client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(data)
}

func TestPageFiles(t *testing.T) {
	_, url := began(t, time.Second/10)
	for path, want := range map[string]struct {
		status        int
		kind, content string
	}{
		"":                  {200, "text/html; charset=utf-8", "<!doctype html>"},
		"page.css":          {200, "text/css; charset=utf-8", "prefers-color-scheme"},
		"page.js":           {200, "text/javascript; charset=utf-8", `"use strict"`},
		"data":              {200, "application/json", `"status":"training"`},
		"page.html":         {404, "text/plain; charset=utf-8", ""},
		"page/page.js":      {404, "text/plain; charset=utf-8", ""},
		"../dashboard.go":   {404, "text/plain; charset=utf-8", ""},
		"data/x":            {404, "text/plain; charset=utf-8", ""},
		"%2e%2e/etc/passwd": {404, "text/plain; charset=utf-8", ""},
	} {
		answer, body := get(t, "GET", url+path)
		if kind := answer.Header.Get("Content-Type"); answer.StatusCode != want.status || kind != want.kind || !strings.Contains(body, want.content) {
			t.Errorf("%q: status %d, %q: %.50q", path, answer.StatusCode, kind, body)
		}
		h := answer.Header
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; ") || strings.Contains(h.Get("Content-Security-Policy"), "unsafe") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
			h.Get("Cache-Control") != "no-store" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%q: headers %v", path, h)
		}
		if strings.Contains(body, "//") && path != "page.js" && strings.Contains(body, "http") {
			t.Errorf("%q needs something from elsewhere", path)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if answer, _ := get(t, method, url+"data"); answer.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d", method, answer.StatusCode)
		}
	}
}

// Only who asks by the page's own name gets in, and no other site.
func TestPageIsGuarded(t *testing.T) {
	_, url := began(t, time.Second/10)
	port := url[strings.LastIndex(url, ":") : len(url)-1]
	for host, want := range map[string]int{
		"localhost" + port: 200, "LOCALHOST": 200, "127.0.0.1" + port: 200, "127.1.2.3": 200, "[::1]" + port: 200, "[::1]": 200,
		"localhost:8080":        200, // through a tunnel
		"evil.example" + port:   403,
		"localhost.evil" + port: 403,
		"10.0.0.1" + port:       403,
		"8.8.8.8":               403,
		"[2001:db8::1]" + port:  403,
		"127.0.0.1.evil.com":    403,
	} {
		for _, path := range []string{"", "data", "page.js"} {
			if answer, _ := get(t, "GET", url+path, "Host", host); answer.StatusCode != want {
				t.Errorf("%s as %s: status %d, want %d", path, host, answer.StatusCode, want)
			}
		}
	}
	for _, test := range []struct {
		site, mode string
		want       int
	}{
		{"same-origin", "cors", 200}, {"none", "navigate", 200}, {"cross-site", "navigate", 200},
		{"cross-site", "no-cors", 403}, {"cross-site", "cors", 403}, {"same-site", "cors", 403}, {"cross-site", "", 403},
	} {
		if answer, _ := get(t, "GET", url+"data", "Sec-Fetch-Site", test.site, "Sec-Fetch-Mode", test.mode); answer.StatusCode != test.want {
			t.Errorf("%+v: status %d", test, answer.StatusCode)
		}
	}
	public := &page{public: true, host: "box.example"}
	for host, want := range map[string]bool{"10.0.0.1:6007": true, "[2001:db8::1]": true, "box.example:6007": true, "localhost": true, "evil.example": false, "": false} {
		if public.named(host) != want {
			t.Errorf("a public page under %q: %v", host, !want)
		}
	}
}

func TestDashboardAddress(t *testing.T) {
	for addr, want := range map[string]string{
		"localhost:0": "http://localhost:", ":0": "http://localhost:", "127.0.0.1:0": "http://127.0.0.1:",
	} {
		var url string
		d := &Dashboard{Addr: addr, Ready: func(u string) { url = u }}
		if err := d.Start(t.Context(), Run{}); err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		if !strings.HasPrefix(url, want) || strings.HasSuffix(url, ":0/") {
			t.Errorf("%s: the page is at %s", addr, url)
		}
		if answer, _ := get(t, "GET", url); answer.StatusCode != 200 {
			t.Errorf("%s: status %d", url, answer.StatusCode)
		}
		d.End(nil)
	}
	for addr, want := range map[string]string{
		"0.0.0.0:0": "which other machines can reach, want localhost, or Public set", "[::]:0": "other machines", "192.168.1.7:6007": "other machines",
		"8.8.8.8:80": "other machines", "[2001:db8::1]:80": "other machines",
		"localhost": "want host:port", "6007": "want host:port", "a:b:c": "want host:port",
	} {
		err := (&Dashboard{Addr: addr}).Start(t.Context(), Run{})
		if _, ok := errors.AsType[*ArgumentError](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want %q", addr, err, want)
		}
	}
	if err := (&Dashboard{Addr: "localhost:99999"}).Start(t.Context(), Run{}); err == nil {
		t.Error("no error for port 99999")
	}
	// Public binds what it is told to; the port is taken by the one before.
	var url string
	d := &Dashboard{Addr: ":0", Public: true, Ready: func(u string) { url = u }}
	if err := d.Start(t.Context(), Run{}); err != nil {
		t.Fatal(err)
	}
	defer d.End(nil)
	taken := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	err := (&Dashboard{Addr: taken}).Start(t.Context(), Run{})
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("%s again: got error %v", taken, err)
	}
}

// follow asks again and again as a browser does, until the run has ended. It calls first after its first answer, and
// returns the steps that it was shown, and the last status.
func follow(t *testing.T, url string, first func()) (steps []int, status string) {
	first = sync.OnceFunc(first)
	defer first()
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for version := ""; status == "" || status == "training"; {
		answer, err := client.Get(url + "data?version=" + version)
		if err != nil {
			t.Error(err)
			return steps, status
		}
		data, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil {
			t.Error(err)
		}
		if answer.StatusCode == http.StatusNoContent {
			continue
		}
		head, _, _ := strings.Cut(string(data), `,"charts"`)
		var v struct {
			Version, Status string
			Step            int
		}
		if err := json.Unmarshal([]byte(head+"}"), &v); err != nil {
			t.Error(err)
			return steps, status
		}
		version, status = v.Version, v.Status
		steps = append(steps, v.Step)
		first()
	}
	return steps, status
}

// With 50 browsers that follow, and one that asks for everything and takes nothing, training goes on, all are shown its
// newest state and its end, and nothing is left behind.
func TestDashboardWithManyClients(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	var url string
	d := &Dashboard{Addr: "localhost:0", pause: 2 * time.Second, Ready: func(u string) { url = u }}
	ctx, cancel := context.WithCancelCause(context.Background())
	if err := d.Start(ctx, Run{Steps: 2600}); err != nil {
		t.Fatal(err)
	}
	feed(t, d, 0, 1300)

	slow, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	go io.WriteString(slow, strings.Repeat("GET /data HTTP/1.1\r\nHost: localhost\r\n\r\n", 1000)) // some 100 MB
	var clients, following sync.WaitGroup
	following.Add(50)
	for range 50 {
		clients.Go(func() {
			steps, status := follow(t, url, following.Done)
			for i := 1; i < len(steps); i++ {
				if steps[i] < steps[i-1] {
					t.Errorf("step %d after %d", steps[i], steps[i-1])
				}
			}
			if len(steps) == 0 || steps[len(steps)-1] != 2600 || status != "stopped" {
				t.Errorf("shown the steps %v and %q", steps, status)
			}
		})
	}
	feed(t, d, 1300, 2600)
	following.Wait()
	cancel(errors.New("enough"))
	clients.Wait()
	if err := d.End(ctx.Err()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(d.End(nil), d.Observe(eventsOf(1)[0])); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("the page is still served")
	}
	slow.Close()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), goroutines)
		}
	}
}

func TestDashboardData(t *testing.T) {
	d, url := began(t, time.Second/10)
	_, first := get(t, "GET", url+"data")
	var v struct{ Version string }
	if err := json.Unmarshal([]byte(first), &v); err != nil {
		t.Fatal(err)
	}
	// Nothing new: told after a while.
	if answer, body := get(t, "GET", url+"data?version="+v.Version); answer.StatusCode != http.StatusNoContent || body != "" {
		t.Errorf("status %d, %q", answer.StatusCode, body)
	}
	feed(t, d, 0, 3)
	answer, small := get(t, "GET", url+"data?version="+v.Version, "Accept-Encoding", "br, gzip")
	if answer.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("headers %v", answer.Header)
	}
	z, err := gzip.NewReader(strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if _, second := get(t, "GET", url+"data"); second != string(unpacked) || !strings.Contains(second, `"step":3,`) {
		t.Errorf("packed %s, else %s", unpacked, second)
	}
	// A new run under the same Dashboard begins anew.
	d.End(nil)
	if err := d.Start(context.Background(), Run{Steps: 7}); err != nil {
		t.Fatal(err)
	}
	d.page.mu.Lock()
	defer d.page.mu.Unlock()
	if b := d.page.board; b.run.Steps != 7 || b.newest.Point.Step != 0 || strings.HasPrefix(v.Version, b.version()) {
		t.Errorf("the second run begins with %+v", b)
	}
}

func TestDashboardBeforeStart(t *testing.T) {
	d := &Dashboard{}
	if err := errors.Join(d.Observe(Text{}), d.End(nil)); err != nil {
		t.Error(err)
	}
}
