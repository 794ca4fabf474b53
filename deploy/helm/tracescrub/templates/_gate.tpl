{{/* The configuration of the gates: deploy/gate.yaml for a cluster. */}}
{{- define "tracescrub.gateConfig" -}}
extensions:
  health_check:
    endpoint: ${env:POD_IP}:13133
  oidc/approvers:
    providers:
      - issuer_url: {{ .Values.oidc.issuer | quote }}
        audience: {{ .Values.oidc.audience | quote }}
        groups_claim: groups
  bearertokenauth/backend:
    filename: /etc/tracescrub/backend/token

receivers:
  release_gate:
    store: &store
      {{- include "tracescrub.kafka" . | nindent 6 }}
    keys:
      private: /var/lib/tracescrub/keys/private
    fingerprint_key_file: /etc/tracescrub/fingerprint/fingerprint.key
    http:
      endpoint: ${env:POD_IP}:8686
      tls:
        cert_file: /etc/tracescrub/tls/tls.crt
        key_file: /etc/tracescrub/tls/tls.key
        reload_interval: 1h
      auth: {authenticator: oidc/approvers}
    login:
      issuer: {{ .Values.oidc.issuer | quote }}
      client_id: {{ .Values.gate.clientID | quote }}
      redirect_url: {{ printf "%s/login/callback" .Values.gate.page | quote }}
    permissions: {{- toYaml .Values.gate.permissions | nindent 6 }}
    quorum: {{- toYaml .Values.gate.quorum | nindent 6 }}
    {{- with .Values.audit.receipts }}
    audit:
      client:
        endpoint: {{ . | quote }}
        tls: {ca_file: /etc/tracescrub/backend/ca.crt, reload_interval: 1h}
        auth: {authenticator: bearertokenauth/backend}
    {{- end }}

processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 80
    spike_limit_percentage: 25
  # The rules and the policy of the edges: releases are scanned again.
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
  # Without a queue: released is what the backend has, and done what was recorded.
  otlp_grpc/backend:
    endpoint: {{ .Values.backend.endpoint | quote }}
    compression: zstd
    timeout: 20s
    tls: &backend_tls
      ca_file: /etc/tracescrub/backend/ca.crt
      reload_interval: 1h
    auth: &backend_auth {authenticator: bearertokenauth/backend}
    sending_queue: &none {enabled: false}
    retry_on_failure: *none
  otlp_grpc/audit:
    endpoint: {{ .Values.audit.endpoint | quote }}
    timeout: 5s
    tls: *backend_tls
    auth: *backend_auth
    sending_queue: *none
    retry_on_failure: *none
  quarantine:
    store: *store
    seal: *seal

service:
  extensions: [health_check, oidc/approvers, bearertokenauth/backend]
  {{- include "tracescrub.telemetry" . | nindent 2 }}
  pipelines:
    traces: &front
      receivers: [release_gate]
      processors: [memory_limiter, secret_mask]
      exporters: [verdict]
    logs: *front
    metrics: *front
    {{- include "tracescrub.ways" . | nindent 4 }}
{{- end -}}
