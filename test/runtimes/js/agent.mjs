// An agent of the Vercel AI SDK: tool calls and streamed answers, on the APIs
// of both providers, with what opentelemetry-js adds. Everything about the
// way of the telemetry comes from the environment.
import { readFileSync } from "node:fs";
import { SpanStatusCode, trace } from "@opentelemetry/api";
import { logs, SeverityNumber } from "@opentelemetry/api-logs";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { NodeSDK } from "@opentelemetry/sdk-node";

const plan = JSON.parse(readFileSync(process.env.PLAN, "utf8"));
const headers = ["authorization", "x-api-key"];
const sdk = new NodeSDK({
  instrumentations: [new UndiciInstrumentation({ headersToSpanAttributes: { requestHeaders: headers, responseHeaders: ["set-cookie"] } })],
});
sdk.start();

const { generateText, jsonSchema, stepCountIs, streamText, tool } = await import("ai");
const { createOpenAI } = await import("@ai-sdk/openai");
const { createAnthropic } = await import("@ai-sdk/anthropic");

const tracer = trace.getTracer("app");
const log = logs.getLogger("app");
const record = (body, attributes = {}) => log.emit({ severityNumber: SeverityNumber.INFO, severityText: "INFO", body, attributes });

const shell = tool({
  description: plan.tool_description,
  inputSchema: jsonSchema({ type: "object", properties: { command: { type: "string" }, attempt: { type: "integer" } }, required: ["command"] }),
  execute: async ({ command, attempt }) => {
    if (attempt > 1) return plan.files;
    record("tool runs", { command, nested: { argv: ["sh", "-c", command] } });
    const answer = await fetch(plan.tool_url, { headers: { "x-api-key": plan.tool_key } });
    if (!answer.ok) throw new Error(`the tool was answered ${answer.status}`);
    return plan.result;
  },
});

const request = (model) => ({
  model,
  system: plan.system,
  messages: [{ role: "user", content: [{ type: "text", text: plan.user }, { type: "image", image: plan.image }] }],
  tools: { shell },
  stopWhen: stepCountIs(4),
  maxRetries: 0,
  headers: { "x-team-key": plan.tool_key },
  experimental_telemetry: { isEnabled: true, functionId: "on-call", metadata: { session: plan.decoy_uuid, "db.password": plan.password } },
});

const expect = (text) => {
  if (text !== plan.answer) throw new Error("the answer is not what the provider said");
};

const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });
const anthropic = createAnthropic({ baseURL: process.env.ANTHROPIC_BASE_URL + "/v1" });
for (const model of [openai.chat("gpt-4.1"), openai.responses("gpt-4.1"), anthropic("claude-sonnet-4-5")]) {
  expect((await generateText(request(model))).text);
  expect(await streamText(request(model)).text);
}

const refused = await generateText(request(openai.chat("refuse"))).catch((e) => e);
if (!(refused instanceof Error)) throw new Error("the provider should have refused");
record("the provider refused", { "exception.message": String(refused), "exception.stacktrace": refused.stack, response: refused.responseBody });

tracer.startActiveSpan("connect", (span) => {
  const error = new Error(plan.exception, { cause: new Error(plan.cause) });
  span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  span.setAttributes({ "db.statement": plan.sql, lines: [plan.user, plan.decoy_digest] });
  span.end();
});
record({ event: "request", config: { password: plan.password, retries: 3 }, env: { DB_PASSWORD: plan.escaped_password }, raw: new TextEncoder().encode(plan.user) });
await sdk.shutdown();
