package track

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// browser is a Chromium without a window, driven by chromedriver's WebDriver protocol (https://www.w3.org/TR/webdriver2/).
type browser struct {
	*testing.T
	session string // the address of the session
}

// newBrowser starts a browser of a size, or skips the test where there is none.
func newBrowser(t *testing.T, width, height int) *browser {
	t.Helper()
	driver, err := exec.LookPath("chromedriver")
	if err != nil {
		t.Skip("needs chromedriver and Chromium; on Debian: apt-get install chromium chromium-driver")
	}
	home := t.TempDir()
	command := exec.Command(driver, "--port=0")
	command.Env = append(os.Environ(), "HOME="+home)
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Skip("chromedriver doesn't start:", err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	var port []string
	for lines := bufio.NewScanner(out); port == nil && lines.Scan(); {
		port = regexp.MustCompile(`successfully on port (\d+)`).FindStringSubmatch(lines.Text())
	}
	if port == nil {
		t.Skip("chromedriver says no port")
	}
	go io.Copy(io.Discard, out)

	b := &browser{t, "http://127.0.0.1:" + port[1] + "/session"}
	type object = map[string]any
	var session struct {
		SessionID string `json:"sessionId"`
	}
	err = b.call("POST", "", object{"capabilities": object{"alwaysMatch": object{
		"goog:chromeOptions": object{"args": []string{
			"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
			"--user-data-dir=" + filepath.Join(home, "profile"),
		}},
		"goog:loggingPrefs": object{"browser": "ALL"},
	}}}, &session)
	if err != nil {
		t.Skip("Chromium doesn't start:", err)
	}
	b.session += "/" + session.SessionID
	t.Cleanup(func() { b.call("DELETE", "", nil, nil) })
	b.resize(width, height)
	return b
}

// call makes a request of the protocol, and reads the value of the answer into result unless that is nil.
func (b *browser) call(method, path string, body, result any) error {
	var content io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(data)
	}
	request, err := http.NewRequest(method, b.session+path, content)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var wrapped struct{ Value json.RawMessage }
	if err := json.NewDecoder(answer.Body).Decode(&wrapped); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, wrapped.Value)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(wrapped.Value, result)
}

func (b *browser) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *browser) open(url string) {
	b.Helper()
	b.must(b.call("POST", "/url", map[string]any{"url": url}, nil))
}

// run runs a function body of JavaScript in the page, and reads what it returns.
func (b *browser) run(script string, result any) {
	b.Helper()
	b.must(b.call("POST", "/execute/sync", map[string]any{"script": script, "args": []any{}}, result))
}

// wait waits until a JavaScript expression is true.
func (b *browser) wait(expression string) {
	b.Helper()
	var done bool
	for end := time.Now().Add(20 * time.Second); !done; time.Sleep(20 * time.Millisecond) {
		if b.run("return Boolean("+expression+")", &done); time.Now().After(end) {
			b.Fatalf("waited in vain for %s", expression)
		}
	}
}

// devtools gives a command of the Chrome DevTools Protocol.
func (b *browser) devtools(command string, parameters map[string]any) {
	b.Helper()
	b.must(b.call("POST", "/goog/cdp/execute", map[string]any{"cmd": command, "params": parameters}, nil))
}

func (b *browser) resize(width, height int) {
	b.Helper()
	b.devtools("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500,
	})
}

// theme makes the browser ask for light or dark pages.
func (b *browser) theme(name string) {
	b.Helper()
	feature := map[string]any{"name": "prefers-color-scheme", "value": name}
	b.devtools("Emulation.setEmulatedMedia", map[string]any{"features": []any{feature}})
}

// console returns what was written to the console, by the browser too: errors, refused resources.
func (b *browser) console() []string {
	b.Helper()
	var entries []struct{ Level, Message string }
	b.must(b.call("POST", "/se/log", map[string]any{"type": "browser"}, &entries))
	var all []string
	for _, e := range entries {
		all = append(all, e.Level+": "+e.Message)
	}
	return all
}

// screenshot saves a picture in the folder that BPTT_SCREENSHOTS names, for people to look at.
func (b *browser) screenshot(name string) {
	b.Helper()
	folder := os.Getenv("BPTT_SCREENSHOTS")
	if folder == "" {
		return
	}
	var picture string
	b.must(b.call("GET", "/screenshot", nil, &picture))
	data, err := base64.StdEncoding.DecodeString(picture)
	b.must(err)
	b.must(os.WriteFile(filepath.Join(folder, name+".png"), data, 0o666))
}
