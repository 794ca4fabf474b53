{{/* The configuration of the edges: deploy/gateway.yaml for a cluster. */}}
{{- define "tracescrub.edgeConfig" -}}
extensions:
  health_check:
    endpoint: ${env:POD_IP}:13133
  file_storage/queue:
    directory: /var/lib/tracescrub/queue
    create_directory: true
    directory_permissions: "0700"
    fsync: true
  oidc/senders:
    providers:
      - issuer_url: {{ .Values.oidc.issuer | quote }}
        audience: {{ .Values.oidc.audience | quote }}
  bearertokenauth/backend:
    filename: /etc/tracescrub/backend/token

receivers:
  otlp:
    protocols:
      grpc:
        endpoint: ${env:POD_IP}:4317
        max_recv_msg_size_mib: 64
        tls: &server_tls
          cert_file: /etc/tracescrub/tls/tls.crt
          key_file: /etc/tracescrub/tls/tls.key
          reload_interval: 1h
        auth: {authenticator: oidc/senders}
      http:
        endpoint: ${env:POD_IP}:4318
        max_request_body_size: 67108864
        tls: *server_tls
        auth: {authenticator: oidc/senders}

processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 80
    spike_limit_percentage: 25
  secret_mask:
    seal: &seal
      public_keys: /etc/tracescrub/keys/public
    fingerprint:
      key_file: /etc/tracescrub/fingerprint/fingerprint.key
    {{- with .Values.edge.secretMask }}
    {{- toYaml . | nindent 4 }}
    {{- end }}

connectors:
  verdict:
    clean: [traces/clean, logs/clean, metrics/clean]
    quarantine: [traces/held, logs/held, metrics/held]
    audit: [logs/audit]

exporters:
  otlp_grpc/backend:
    endpoint: {{ .Values.backend.endpoint | quote }}
    compression: zstd
    tls: &backend_tls
      ca_file: /etc/tracescrub/backend/ca.crt
      reload_interval: 1h
    auth: &backend_auth {authenticator: bearertokenauth/backend}
    sending_queue:
      storage: file_storage/queue
      block_on_overflow: true
      queue_size: 10000
      num_consumers: 4
    retry_on_failure: {max_elapsed_time: 0s}
  otlp_grpc/audit:
    endpoint: {{ .Values.audit.endpoint | quote }}
    timeout: 5s
    tls: *backend_tls
    auth: *backend_auth
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
  quarantine:
    seal: *seal
    timeout: 5s
    store:
      {{- include "tracescrub.kafka" . | nindent 6 }}
        timeout: 4s
        spool:
          directory: /var/lib/tracescrub/spool

service:
  extensions: [health_check, file_storage/queue, oidc/senders, bearertokenauth/backend]
  {{- include "tracescrub.telemetry" . | nindent 2 }}
  pipelines:
    traces: &front
      receivers: [otlp]
      processors: [memory_limiter, secret_mask]
      exporters: [verdict]
    logs: *front
    metrics: *front
    {{- include "tracescrub.ways" . | nindent 4 }}
{{- end -}}

{{/* What edges and gates have in common. */}}
{{- define "tracescrub.kafka" -}}
kafka:
  brokers: {{ toJson .Values.kafka.brokers }}
  topics: {create: false}
  tls: {enabled: true, ca_file: /etc/tracescrub/kafka/ca.crt}
  sasl:
    mechanism: SCRAM-SHA-512
    username: ${env:KAFKA_USER}
    password: ${env:KAFKA_PASSWORD}
{{- end -}}

{{- define "tracescrub.telemetry" -}}
telemetry:
  logs: {encoding: json, disable_stacktrace: true}
  metrics:
    readers: [{pull: {exporter: {prometheus: {host: "${env:POD_IP}", port: 8888}}}}]
{{- end -}}

{{- define "tracescrub.ways" -}}
traces/clean: &clean {receivers: [verdict], exporters: [otlp_grpc/backend]}
logs/clean: *clean
metrics/clean: *clean
traces/held: &held {receivers: [verdict], exporters: [quarantine]}
logs/held: *held
metrics/held: *held
logs/audit: {receivers: [verdict], exporters: [otlp_grpc/audit]}
{{- end -}}
