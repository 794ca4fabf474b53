// Package runtimes runs applications with the real SDKs against the built
// binary, bin/otelcol-tracescrub, and judges what comes out of it.
//
// The programs in python/ and js/ are agents as people write them: they talk
// to a stand-in for the model providers that streams, calls a tool and refuses
// (provider_test.go), and are pointed at the Collector by nothing but
// environment variables, as docs/runtimes.md says. Between them and the
// Collector stands a tee that keeps every request and passes its bytes on. What
// the Collector writes of a request must be that request, member by member and
// byte by byte, but for our stamps and for each planted secret, in whatever
// escaping, in whose place a mask must stand. So a leak, a mask that is too
// wide or too narrow, a mask over anything else, and anything lost or added
// fails the test, in a span, an event, a log record or a metric.
//
// What is planted (plan_test.go), and where it must have been seen on its way
// in (applications_test.go; a place at which it never was fails the test):
//
//	secret                                        planted in                        seen, among others, in
//	password of a PostgreSQL URL                  system prompt                     messages of every dialect, system_instructions
//	GitHub token, Stripe key, in a .env file      user prompt                       messages, input.value, ai.prompt, embedding.text, bytes
//	JWT in a curl command                         arguments of a tool call          tool_calls...arguments, ai.toolCall.args, argv of a log
//	private key and a password with quotes and    result of the tool, JSON          messages (JSON in JSON in JSON), log attributes, repr in bodies
//	backslashes
//	Slack token                                   answer, streamed by seven bytes   output messages; a log record for each piece
//	GitLab token                                  reasoning                         ai.response.reasoning, message_content.text
//	SendGrid key                                  definition of the tool            llm.tools, gen_ai.tool.definitions, cut by a length limit
//	passwords and tokens of URLs                  exception, its cause, HTTP query  exception.message and .stacktrace, status, http.url, span name
//	the provider's own key                        header; the refusal repeats it    headers, exceptions, status, bodies of logs
//	opaque keys                                   headers, cookies, log settings    http.request.header.*, ai.request.headers.*, log bodies
//	token, password of a Redis URL                resource, command line            resource attributes, process.command_args
//
// Beside them stands what must survive: UUIDs, digests and integrity hashes,
// commits, references to variables, stars, keys masked by the provider, ids of
// calls and answers, the tokens of logprobs, an image, the signature and the
// encrypted content of reasoning, and as the result of a second tool call
// files full of checksums and code (go.sum, lock files, these programs).
//
// What it was seen to fail on, once, when it was written:
//
//	promise                   planted fault
//	no secret leaves          a policy that passes everything; one that passes jwt alone
//	masks are exact           password values judged with their escapes only (a real defect, found here)
//	telemetry stays useful    a rule of ours that takes 40 hexadecimal digits for a secret; masks of a fixed text
//	nothing is lost           a filter that drops a kind of spans
//	no call leaves            a program that asks for another host
//	it was there              a place at which nothing was planted
//	pinned                    a hash in requirements.txt, a version in package-lock.json
//
// The test needs python3 with venv and pip, and node with npm. Packages come by
// their ordinary clients at the versions and hashes of python/requirements.txt
// and js/package-lock.json, into _deps, which git ignores. What is missing is a
// failure with E2E=all; otherwise the test says that it was left out.
package runtimes
