package fetch

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/decnet/decnet/providers/decky/shell/program"
	"github.com/decnet/decnet/providers/decky/shell/program/peer"
	"github.com/decnet/decnet/providers/decky/shell/vfs"
)

// headers says the status, and with -S what else the server sent.
func (o *order) headers(page peer.Page, status string) {
	if !o.f.Has("S") || page.Plain {
		o.print(status + "\n")
		return
	}
	o.print("\n  HTTP/1.1 " + status + "\n")
	for _, h := range header(o.c, page, len(page.Body)) {
		o.print("  " + h + "\n")
	}
}

func (o *order) spider(u *url.URL, page peer.Page) {
	if page.Status != 200 {
		if o.brief {
			o.say.print(u.String() + ":\n")
		}
		o.say.print("Remote file does not exist -- broken link!!!\n")
		o.print("\n")
		o.worse(wgetServer)
		return
	}
	o.print(length(page))
	switch {
	case o.brief:
		o.say.print(stamp(o.c) + " URL: " + u.String() + " 200 OK\n")
	case strings.HasPrefix(page.Type, "text/html"):
		o.print("Remote file exists and could contain further links,\nbut recursion is disabled -- not retrieving.\n\n")
	default:
		o.print("Remote file exists.\n\n")
	}
}

func length(page peer.Page) string {
	if page.Plain {
		return "Length: unspecified\n"
	}
	media, _, _ := strings.Cut(page.Type, ";")
	n := len(page.Body)
	if n < 1024 {
		return fmt.Sprintf("Length: %d [%s]\n", n, media)
	}
	return fmt.Sprintf("Length: %d (%s) [%s]\n", n, human(n, 10, 1), media)
}

// save shows the transfer and writes the file.
func (o *order) save(full string, page peer.Page, name string, from int) {
	c := o.c
	o.print(length(page))
	if !o.place(page, name) {
		return
	}
	stdout := o.f.Value["O"] == "-"
	if stdout {
		o.print("Saving to: " + quoted(c, "STDOUT") + "\n")
	} else {
		o.print("Saving to: " + quoted(c, name) + "\n")
	}
	if !stdout || o.bar {
		o.print("\n")
	}
	if stdout {
		c.Write(c.Out, string(page.Body))
		if !o.bar {
			o.print("\n")
		}
	}
	o.progress(name, len(page.Body), from, page.Took)
	if c.Stop != nil {
		return
	}
	o.finish(full, page, name, from, stdout)
}

func (o *order) progress(name string, size, from int, took time.Duration) {
	s := o.say
	if o.brief {
		s.mute = true
	}
	shown := o.f.Has("~G") && s.mute
	if shown {
		s.mute = false
	}
	progress(o.c, s, path.Base(name), size, from, took, o.bar || shown)
}

func (o *order) finish(full string, page peer.Page, name string, from int, stdout bool) {
	c, n := o.c, len(page.Body)
	took := max(page.Took, 300*time.Microsecond)
	o.files++
	o.bytes += n
	o.spent += took
	where := quoted(c, name) + " saved"
	if stdout {
		where = "written to stdout"
	}
	share := fmt.Sprintf("[%d/%d]", n, n)
	if page.Plain {
		share = fmt.Sprintf("[%d]", n)
	}
	if o.brief {
		if stdout {
			name = "-"
		}
		o.say.print(fmt.Sprintf("%s URL:%s %s -> \"%s\" [1]\n", stamp(c), full, share, name))
		return
	}
	o.print(fmt.Sprintf("\n%s (%s) - %s %s\n\n", stamp(c), rate(n-from, took), where, share))
}

// place writes the file before its transfer is shown: a full disk is told of at
// once.
func (o *order) place(page peer.Page, name string) bool {
	c := o.c
	if o.f.Value["O"] == "-" {
		return true
	}
	body := page.Body
	if o.f.Has("O") {
		o.output = append(o.output, body...)
		body = o.output
	} else if dir := path.Dir(name); dir != "." {
		o.mkdir(dir)
	}
	err := store(c, name, body)
	if err == nil {
		if !page.Modified.IsZero() && !o.f.Has("O") {
			// The time of a file is a nicety.
			_ = c.View().Chtimes(c.Path(name), page.Modified)
		}
		return true
	}
	if strings.Contains(name, "/") {
		o.say.print(name + ": " + vfs.Text(err) + "\n")
	} else {
		o.say.print(name + ": " + vfs.Text(err) + "\n")
	}
	o.say.print("\nCannot write to " + quoted(c, name) + " (" + vfs.Text(err) + ").\n")
	o.worse(wgetIO)
	return false
}

// mkdir makes the directories that a file goes to.
func (o *order) mkdir(dir string) {
	c := o.c
	made := ""
	if strings.HasPrefix(dir, "/") {
		made = "/"
	}
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		made = path.Join(made, part)
		if _, err := c.View().Stat(c.Path(made)); err == nil {
			continue
		}
		if err := c.View().Mkdir(c.Path(made), 0o777&^c.Umask); err != nil {
			o.say.print(made + ": " + vfs.Text(err) + "\n")
			return
		}
	}
}

// ftp is the transcript of a transfer by FTP (RFC 959).
func (o *order) ftp(u *url.URL, page peer.Page, name string) {
	c := o.c
	user := "anonymous"
	if u.User != nil {
		user = u.User.Username()
	}
	o.print("Logging in as " + user + " ... Logged in!\n==> SYST ... done.    ==> PWD ... done.\n==> TYPE I ... done.  ")
	if dir := path.Dir(u.Path); dir != "/" && dir != "." {
		o.print("==> CWD (1) " + dir + " ... done.\n")
	} else {
		o.print("==> CWD not needed.\n")
	}
	base := path.Base(u.Path)
	if !c.Wait(6 * o.rtt(u)) {
		return
	}
	o.print(fmt.Sprintf("==> SIZE %s ... %d\n==> PASV ... done.    ==> RETR %s ... done.\n", base, len(page.Body), base))
	o.print(fmt.Sprintf("Length: %d (%s) (unauthoritative)\n\n", len(page.Body), human(len(page.Body), 10, 1)))
	if !o.place(page, name) {
		return
	}
	o.progress(name, len(page.Body), 0, page.Took)
	took := max(page.Took, 300*time.Microsecond)
	n := len(page.Body)
	o.files, o.bytes, o.spent = o.files+1, o.bytes+n, o.spent+took
	if o.brief {
		o.say.print(fmt.Sprintf("%s URL: %s [%d] -> \"%s\" [1]\n", stamp(c), u, n, name))
		return
	}
	o.print(fmt.Sprintf("\n%s (%s) - %s saved [%d]\n\n", stamp(c), rate(n, took), quoted(c, name), n))
}

func wgetVersion(c *program.Call) {
	c.Print("GNU Wget " + release(c, wgetVersions) + " built on linux-gnu.\n\n-cares +digest -gpgme +https +ipv6 +iri +large-file -metalink +nls \n+ntlm +opie +psl +ssl/gnutls \n\nWgetrc: \n    /etc/wgetrc (system)\nLocale: \n    /usr/share/locale \n\nCopyright (C) 2015 Free Software Foundation, Inc.\nLicense GPLv3+: GNU GPL version 3 or later\n<http://www.gnu.org/licenses/gpl.html>.\nThis is free software: you are free to change and redistribute it.\nThere is NO WARRANTY, to the extent permitted by law.\n\nOriginally written by Hrvoje Niksic <hniksic@xemacs.org>.\nPlease send bug reports and questions to <bug-wget@gnu.org>.\n")
}

// wgetHelp is the list of options in words of ours.
func wgetHelp(c *program.Call) string {
	return "GNU Wget " + release(c, wgetVersions) + ", a non-interactive network retriever.\nUsage: wget [OPTION]... [URL]...\n\nMandatory arguments to long options are mandatory for short options too.\n\nStartup:\n  -V,  --version                   show the version and exit\n  -h,  --help                      show this text\n  -b,  --background                go on in the background\n\nLogging and input file:\n  -o,  --output-file=FILE          messages go to FILE\n  -a,  --append-output=FILE        the same, behind what is there\n  -q,  --quiet                     say nothing\n  -nv, --no-verbose                say little\n  -i,  --input-file=FILE           get the URLs of FILE\n\nDownload:\n  -t,  --tries=NUMBER              how often to try (0: without end)\n  -O,  --output-document=FILE      all goes to FILE\n  -nc, --no-clobber                leave files that are there\n  -c,  --continue                  go on with a part of a file\n  -N,  --timestamping              only what is newer\n  -S,  --server-response           show what the server answers\n       --spider                    fetch nothing\n  -T,  --timeout=SECONDS           how long to wait\n  -P,  --directory-prefix=PREFIX   where files go\n  -U,  --user-agent=AGENT          what to call oneself\n\nEmail bug reports, questions, discussions to <bug-wget@gnu.org>\nand/or open issues at https://savannah.gnu.org/bugs/?func=additem&group=wget.\n"
}
