package schema

import "github.com/decnet/decnet/schema/notification"

const (
	sinkEvents = "file and syslog sinks take events and tags"
	secretFile = " The file has mode 0600 and is read whenever something is sent."
)

// sinkText documents the sink block.
var sinkText = blockText{
	doc: "Where events, tags and notifications are sent: " + sinkEvents + "; syslog, webhook, slack, email and commit_status sinks take notifications of what decnet does and, but for commit_status, of detections. Secrets stand in files of mode 0600, never in the configuration.",
	example: `sink "siem" {
  type    = "syslog"
  address = "tcp://127.0.0.1:601"
}

sink "chat" {
  type     = "slack"
  url_file = "/etc/decnet/chat.url"
  severity = "warning"
  events   = ["sync.*", "drift", "detection"]
  dedup    = "10m"
}

sink "desk" {
  type        = "webhook"
  url         = "https://desk.example.com/hooks/decnet"
  secret_file = "/etc/decnet/desk.secret"
  body        = <<-EOT
    {"text": {{ json .Title }}, "level": {{ json .Severity }}}
  EOT
}
`,
	arguments: map[string]Argument{
		"address":       {Type: typeString, Doc: "Receiver of a syslog sink: unix:///dev/log, udp://127.0.0.1:514 or tcp://127.0.0.1:601."},
		"addresses":     {Type: typeList, Default: "all", Doc: "Blocks, instances or modules, as --target takes them: news of others is not sent. What concerns no instance is."},
		"api_url":       {Type: typeString, Default: "that of the public service", Doc: "Root of the API that a commit_status sink writes to, such as https://git.example.com/api/v1 of Gitea or https://gitlab.example.com/api/v4 of GitLab."},
		"body":          {Type: typeString, Default: "the notification as JSON", Doc: "Template of a webhook's body: Go's text/template over the notification, without range, define, template, printf and methods of computed values. The function json writes a value as JSON."},
		"ca_file":       {Type: typeString, Default: "the system's", Doc: "File of PEM certificates that the receiver's is checked against."},
		"context":       {Type: typeString, Default: "decnet", Doc: "Name of the status that a commit_status sink sets; the sync's name follows it."},
		"dedup":         {Type: typeString, Default: "0s: everything is sent", Doc: "Window in which the same news is sent once, such as \"10m\"; how often it came again is told afterwards."},
		"depends_on":    dependsOn,
		"events":        {Type: typeList, Default: "all", Doc: "Kinds of notification that are sent: " + enumerated(kindNames()) + "; \"sync.*\" stands for all that begin so."},
		"from":          {Type: typeString, Doc: "Sender of an email sink."},
		"headers":       {Type: typeMap, Doc: "Headers that a webhook sends besides its own. Secrets do not belong here: use token_file."},
		"host":          {Type: typeString, Doc: "Mail server of an email sink."},
		"method":        {Type: typeString, Default: "POST", OneOf: []string{"POST"}, Doc: "Method of a webhook's request."},
		"password_file": {Type: typeString, Doc: "File with the password at the mail server." + secretFile},
		"path":          {Type: typeString, Doc: "File of a file sink; events are appended."},
		"port":          {Type: typeNumber, Default: "587; 465 with tls = \"tls\", 25 with \"none\"", Doc: "Port of the mail server."},
		"provider":      {Type: typeString, OneOf: sinkProviders, Doc: "Whose API a commit_status sink speaks."},
		"repository":    {Type: typeString, Doc: "Repository whose commits get a status, owner/name; GitLab takes its number, too. Commits of other repositories get none."},
		"secret_file":   {Type: typeString, Doc: "File with the key of a webhook's signature. The header X-Decnet-Signature is then t=SECONDS,v1=HEX, where HEX is the HMAC-SHA256 of SECONDS.BODY; a receiver refuses what is older than a few minutes." + secretFile},
		"severity":      {Type: typeString, Default: "info", OneOf: severityNames(), Doc: "The least severity that is sent."},
		"tls":           {Type: typeString, Default: "starttls", OneOf: sinkTLS, Doc: "How the connection to the mail server is encrypted; none is for this machine only."},
		"to":            {Type: typeList, Doc: "Recipients of an email sink."},
		"token_file":    {Type: typeString, Doc: "File with the token of a commit_status sink, or with the bearer token of a webhook." + secretFile},
		"type":          {Type: typeString, OneOf: SinkTypes(), Doc: "What kind of sink it is."},
		"url":           {Type: typeString, Doc: "Where a webhook posts: https, or http on this machine."},
		"url_file":      {Type: typeString, Doc: "File with the URL of an incoming webhook as Slack and Mattermost have it; whoever knows it may post." + secretFile},
		"username":      {Type: typeString, Doc: "User name at the mail server."},
	},
}

func kindNames() []string {
	var names []string
	for _, k := range notification.Kinds() {
		names = append(names, string(k))
	}
	return names
}

func severityNames() []string {
	var names []string
	for _, s := range notification.Severities() {
		names = append(names, string(s))
	}
	return names
}
