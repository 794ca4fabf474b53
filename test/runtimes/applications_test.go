//go:build e2e

package runtimes

import "slices"

// What was planted, @ the end of the path of a place where it must have been
// seen before the collector got it.
var (
	// Whatever the dialect, these are in what the Python programs do themselves.
	own = []string{
		"exception @ events exception.message", "exception @ events exception.stacktrace", "exception @ status.message",
		"exception @ logs.logRecords exception.message", "cause @ events exception.stacktrace", "cause @ logs.logRecords exception.stacktrace",
		"resource @ resource registry.token", "url query @ http.url", "header @ http.request.header.x_api_key", "cookie @ http.response.header.set_cookie",
		"tool arguments @ gen_ai.tool.call.arguments", "tool result @ gen_ai.tool.call.result", "to be escaped @ gen_ai.tool.call.result",
	}
	// And these in a call that the provider refused.
	refusedByOpenAI = []string{
		"openai key @ events exception.message", "openai key @ events exception.stacktrace", "openai key @ status.message",
		"openai key @ logs.logRecords.body", "decoy: masked by others @ status.message",
	}
	refusedByAnthropic = []string{"anthropic key @ events exception.message", "anthropic key @ status.message", "anthropic key @ logs.logRecords.body"}

	genAI = slices.Concat(own, refusedByOpenAI, at("gen_ai.input.messages", "system prompt", "user prompt", "second in user", "tool arguments",
		"tool result", "to be escaped", "decoy: image digest", "decoy: integrity", "decoy: reference", "decoy: stars", "decoy: words", "decoy: call id"),
		at("gen_ai.output.messages", "streamed answer", "tool arguments"))
	traceloop = slices.Concat(own, at("gen_ai.input.messages", "user prompt", "second in user", "tool arguments", "tool result", "to be escaped",
		"decoy: image digest", "decoy: uuid"), at("gen_ai.output.messages", "streamed answer", "tool arguments"), at("gen_ai.tool.definitions", "definition"))
	arize = slices.Concat(own, at("input.value", "system prompt", "user prompt", "second in user", "tool arguments", "tool result", "to be escaped",
		"decoy: image digest", "decoy: integrity", "decoy: stars", "decoy: words", "decoy: reference"), at("output.value", "streamed answer", "tool arguments"),
		at("llm.input_messages.0.message.content", "system prompt"), at("llm.input_messages.3.message.content", "tool result"),
		at("llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments", "tool arguments"), at("llm.tools.0.tool.json_schema", "definition"))
	shipped = slices.Concat(own, at("logs.logRecords.body", "user prompt", "streamed answer", "piece of the answer", "name beside", "to be escaped", "tool result",
		"decoy: image digest", "decoy: words"), at("payload.bytesValue", "user prompt", "second in user", "decoy: uuid"),
		at("logs.logRecords statement", "statement"), at("db.statement", "statement"), at("traces.spans.name", "url query", "decoy: uuid"))
	vercel = slices.Concat(at("ai.prompt.messages", "system prompt", "user prompt", "second in user", "tool arguments", "tool result", "to be escaped", "reasoning",
		"decoy: image digest", "decoy: signature", "decoy: words"), at("ai.prompt.tools", "definition"), at("ai.response.text", "streamed answer"),
		at("ai.response.reasoning", "reasoning"), at("ai.response.toolCalls", "tool arguments"), at("ai.toolCall.args", "tool arguments"),
		at("ai.toolCall.result", "tool result", "to be escaped"), at("ai.request.headers.x-team-key", "header"), at("ai.telemetry.metadata.db.password", "name beside"),
		at("http.request.header.authorization", "openai key"), at("http.request.header.x-api-key", "anthropic key", "header"),
		at("http.response.header.set-cookie", "cookie"), at("url.full", "url query", "decoy: uuid"), at("url.query", "url query"),
		at("process.command_args", "command line"), at("traces.resource registry.token", "resource"), at("metrics.resourceMetrics.resource registry.token", "resource"),
		at("events exception.message", "openai key", "exception"), at("events exception.stacktrace", "openai key", "exception"), at("status.message", "openai key", "exception"),
		at("logs.logRecords response", "openai key", "decoy: masked by others"), at("logs.logRecords nested argv", "tool arguments"),
		at("logs.logRecords.body config password", "name beside"), at("logs.logRecords.body env DB_PASSWORD", "to be escaped"),
		at("logs.logRecords.body raw.bytesValue", "user prompt", "decoy: stars"), at("db.statement", "statement"), at("lines", "user prompt", "decoy: image digest"))
)

// at is everything of what, @ one place.
func at(place string, what ...string) (all []string) {
	for _, w := range what {
		all = append(all, w+" @ "+place)
	}
	return all
}

const latest = "OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental"

var applications = []application{
	{
		name: "GenAI conventions, gRPC", program: "openai_agent.py", protocol: "grpc",
		env:     []string{"DIALECT=genai", latest, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=span_and_event"},
		planted: slices.Concat(genAI, at("logs.logRecords gen_ai.input.messages parts content", "system prompt", "user prompt"), at("logs.logRecords gen_ai.input.messages parts response", "tool result")),
	},
	{
		name: "GenAI conventions, a span a request", program: "openai_agent.py", protocol: "grpc",
		env:     []string{"DIALECT=genai", latest, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=span_only", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=1"},
		planted: genAI,
	},
	{
		name: "GenAI conventions, events, HTTP", program: "openai_agent.py", protocol: "http/protobuf",
		env: []string{"DIALECT=genai", "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true"},
		planted: slices.Concat(own, refusedByOpenAI, at("logs.logRecords.body content", "system prompt", "user prompt", "tool result", "to be escaped"),
			at("logs.logRecords.body message content", "streamed answer"), at("logs.logRecords.body message tool_calls function arguments", "tool arguments"),
			at("logs.logRecords.body content image_url url", "decoy: image")),
	},
	{
		name: "OpenLLMetry, OpenAI, gRPC", program: "openai_agent.py", protocol: "grpc", env: []string{"DIALECT=openllmetry"},
		planted: slices.Concat(traceloop, refusedByOpenAI, at("gen_ai.input.messages", "system prompt")),
	},
	{
		name: "OpenLLMetry, Anthropic, HTTP", program: "anthropic_agent.py", protocol: "http/protobuf", env: []string{"DIALECT=openllmetry"},
		planted: slices.Concat(traceloop, refusedByAnthropic, at("gen_ai.system_instructions", "system prompt"), at("gen_ai.output.messages", "reasoning")),
	},
	{
		name: "OpenLLMetry, LangChain, gRPC", program: "langchain_agent.py", protocol: "grpc", env: []string{"DIALECT=openllmetry"},
		planted: slices.Concat(traceloop, refusedByOpenAI, at("traceloop.entity.input", "user prompt", "tool result"), at("traceloop.entity.output", "streamed answer"),
			at("traceloop.association.properties.session", "decoy: session")),
	},
	{
		name: "OpenInference, OpenAI, HTTP", program: "openai_agent.py", protocol: "http/protobuf", env: []string{"DIALECT=openinference"},
		planted: slices.Concat(arize, refusedByOpenAI, at("embedding.embeddings.0.embedding.text", "user prompt"),
			at("llm.input_messages.1.message.contents.1.message_content.image.image.url", "decoy: image"), at("output.value", "reasoning", "decoy: encrypted content")),
	},
	{
		name: "OpenInference, Anthropic, gRPC", program: "anthropic_agent.py", protocol: "grpc", env: []string{"DIALECT=openinference"},
		planted: slices.Concat(arize, refusedByAnthropic, at("llm.input_messages.2.message.contents.0.message_content.signature", "decoy: signature"),
			at("llm.output_messages.0.message.contents.0.message_content.text", "reasoning")),
	},
	{
		name: "OpenInference, LangChain, HTTP", program: "langchain_agent.py", protocol: "http/protobuf", env: []string{"DIALECT=openinference"},
		planted: slices.Concat(arize, refusedByOpenAI, at("metadata", "decoy: session"), at("llm.invocation_parameters", "definition"), at("tool.description", "definition")),
	},
	{
		name: "OpenInference, values cut, gRPC", program: "langchain_agent.py", protocol: "grpc",
		env:     []string{"DIALECT=openinference", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=900"},
		planted: slices.Concat(own, at("input.value", "user prompt", "cut: definition")),
	},
	{name: "logging handler, gRPC", program: "shipper.py", protocol: "grpc", planted: shipped},
	{name: "logging handler, HTTP", program: "shipper.py", protocol: "http/protobuf", planted: shipped},
	{name: "Vercel AI SDK, gRPC", program: "agent.mjs", protocol: "grpc", planted: vercel},
	{name: "Vercel AI SDK, HTTP", program: "agent.mjs", protocol: "http/protobuf", planted: vercel},
	{name: "Vercel AI SDK, HTTP with JSON", program: "agent.mjs", protocol: "http/json", planted: vercel},
}
