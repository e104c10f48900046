"""Names that instrumentations use for one and the same fact, the preferred one first.

Our own table, because the published constants are deprecated and moving. Sources: OTel GenAI semantic conventions
(1.41 and the later repository of their own), OpenInference, OpenLLMetry (Traceloop), Vercel AI SDK, Pydantic AI.
"""

from burnish.domain.traces import SpanKind

__all__ = [
    "AGENT_NAME",
    "DOCUMENTS",
    "FACTS",
    "MODEL",
    "NOISE",
    "OPENINFERENCE_KINDS",
    "OPERATION_KINDS",
    "QUERY",
    "SLOTS",
    "TOOL_ARGUMENTS",
    "TOOL_CALL_ID",
    "TOOL_NAME",
    "TOOL_RESULT",
    "TRACELOOP_KINDS",
    "USAGE",
    "VERCEL_KINDS",
]

MODEL = (
    "gen_ai.response.model",
    "llm.response.model_name",
    "llm.model_name",
    "ai.response.model",
    "gen_ai.request.model",
    "llm.request.model_name",
    "ai.model.id",
    "embedding.model_name",
    "reranker.model_name",
)
PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "ai.model.provider")
COST = ("llm.cost.total", "gen_ai.usage.cost", "gen_ai.usage.total_cost", "operation.cost")

USAGE = {
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "ai.usage.inputTokens",
        "ai.usage.promptTokens",
        "ai.usage.tokens",
        "gen_ai.aggregated_usage.input_tokens",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "ai.usage.outputTokens",
        "ai.usage.completionTokens",
        "gen_ai.aggregated_usage.output_tokens",
    ),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "llm.token_count.prompt_details.cache_read",
        "ai.usage.inputTokenDetails.cacheReadTokens",
        "ai.usage.cachedInputTokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
        "ai.usage.inputTokenDetails.cacheWriteTokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "ai.usage.outputTokenDetails.reasoningTokens",
        "ai.usage.reasoningTokens",
    ),
}

# By attribute name: the field it feeds and its rank there. A span's own few names are looked up, not all of ours.
SLOTS = {
    name: (field, rank)
    for field, aliases in {"model": MODEL, "provider": PROVIDER, "cost": COST, **USAGE}.items()
    for rank, name in enumerate(aliases)
}

TOOL_NAME = ("gen_ai.tool.name", "tool.name", "ai.toolCall.name", "traceloop.entity.name")
TOOL_CALL_ID = ("gen_ai.tool.call.id", "tool.id", "ai.toolCall.id")
TOOL_ARGUMENTS = (
    "gen_ai.tool.call.arguments",
    "ai.toolCall.args",
    "ai.toolCall.input",
    "tool_arguments",
    "traceloop.entity.input",
    "input.value",
    "input",
    "tool.parameters",
)
TOOL_RESULT = (
    "gen_ai.tool.call.result",
    "ai.toolCall.result",
    "ai.toolCall.output",
    "tool_response",
    "traceloop.entity.output",
    "output.value",
    "output",
)

# Facts of the whole trace. They stay in the attributes of their span and are looked up when the trace is put together.
SESSION = (
    "session.id",
    "gen_ai.conversation.id",
    "ai.telemetry.metadata.sessionId",
    "ai.telemetry.metadata.session.id",
    "ai.telemetry.metadata.session_id",
    "traceloop.association.properties.session_id",
    "langfuse.session.id",
)
USER = (
    "user.id",
    "enduser.id",
    "enduser.pseudo.id",
    "ai.telemetry.metadata.userId",
    "ai.telemetry.metadata.user.id",
    "ai.telemetry.metadata.user_id",
    "traceloop.association.properties.user_id",
    "langfuse.user.id",
)
ENVIRONMENT = ("deployment.environment.name", "deployment.environment", "langfuse.environment")
RELEASE = ("service.version", "langfuse.release")
PROMPT_NAME = (
    "gen_ai.prompt.name",
    "llm.prompt_template.name",
    "prompt.name",
    "prompt.id",
    "traceloop.prompt.key",
    "langfuse.observation.prompt.name",
)
PROMPT_VERSION = (
    "gen_ai.prompt.version",
    "llm.prompt_template.version",
    "prompt.version",
    "traceloop.prompt.version",
    "langfuse.observation.prompt.version",
)

FACTS = {
    name: (field, rank)
    for field, aliases in {
        "session_id": SESSION,
        "user_id": USER,
        "environment": ENVIRONMENT,
        "release": RELEASE,
        "prompt_name": PROMPT_NAME,
        "prompt_version": PROMPT_VERSION,
    }.items()
    for rank, name in enumerate(aliases)
}

# The agent's own name for itself; the workflow's was folded into it. Told in the trace's metadata.
AGENT_NAME = ("gen_ai.agent.name", "gen_ai.workflow.name", "agent.name", "agent_name")
QUERY = ("gen_ai.retrieval.query.text", "gen_ai.retrieval.query", "reranker.query")
DOCUMENTS = ("gen_ai.retrieval.documents",)

OPENINFERENCE_KINDS = {
    "LLM": SpanKind.LLM,
    "TOOL": SpanKind.TOOL,
    "CHAIN": SpanKind.CHAIN,
    "RETRIEVER": SpanKind.RETRIEVER,
    "EMBEDDING": SpanKind.EMBEDDING,
    "AGENT": SpanKind.AGENT,
    "RERANKER": SpanKind.RERANKER,
    "GUARDRAIL": SpanKind.GUARDRAIL,
    "EVALUATOR": SpanKind.EVALUATOR,
    "PROMPT": SpanKind.CHAIN,
    "DECISION": SpanKind.CHAIN,
}
OPERATION_KINDS = {
    "chat": SpanKind.LLM,
    "generate_content": SpanKind.LLM,
    "text_completion": SpanKind.LLM,
    "completion": SpanKind.LLM,
    "rerank": SpanKind.RERANKER,
    "embeddings": SpanKind.EMBEDDING,
    "embedding": SpanKind.EMBEDDING,
    "retrieval": SpanKind.RETRIEVER,
    "create_agent": SpanKind.AGENT,
    "invoke_agent": SpanKind.AGENT,
    "invoke_workflow": SpanKind.CHAIN,
    "plan": SpanKind.CHAIN,
    "execute_tool": SpanKind.TOOL,
    "search_memory": SpanKind.RETRIEVER,
    **dict.fromkeys(
        (
            "create_memory",
            "update_memory",
            "upsert_memory",
            "delete_memory",
            "create_memory_store",
            "delete_memory_store",
        ),
        SpanKind.CHAIN,
    ),
}
TRACELOOP_KINDS = {
    "workflow": SpanKind.CHAIN,
    "task": SpanKind.CHAIN,
    "agent": SpanKind.AGENT,
    "tool": SpanKind.TOOL,
}
# The outer span of a Vercel call runs the tools and adds up the tokens of the inner ones: it is no model call itself.
VERCEL_KINDS = {
    "ai.generateText": SpanKind.AGENT,
    "ai.streamText": SpanKind.AGENT,
    "ai.generateObject": SpanKind.CHAIN,
    "ai.streamObject": SpanKind.CHAIN,
    "ai.embed": SpanKind.CHAIN,
    "ai.embedMany": SpanKind.CHAIN,
    "ai.rerank": SpanKind.CHAIN,
    "ai.generateText.doGenerate": SpanKind.LLM,
    "ai.generateObject.doGenerate": SpanKind.LLM,
    "ai.streamText.doStream": SpanKind.LLM,
    "ai.streamObject.doStream": SpanKind.LLM,
    "ai.embed.doEmbed": SpanKind.EMBEDDING,
    "ai.embedMany.doEmbed": SpanKind.EMBEDDING,
    "ai.rerank.doRerank": SpanKind.RERANKER,
    "ai.toolCall": SpanKind.TOOL,
}

# Left out of a span's attributes: vectors, which are large and which nothing reads, and sums of what is kept.
NOISE = frozenset(
    {
        "ai.embedding",
        "ai.embeddings",
        "logfire.json_schema",
        "gen_ai.usage.total_tokens",
        "llm.usage.total_tokens",
        "llm.token_count.total",
        "ai.usage.totalTokens",
        "input.mime_type",
        "output.mime_type",
    }
)
