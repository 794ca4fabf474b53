{{- define "tracescrub.name" -}}
{{- printf "%s-tracescrub" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "tracescrub.labels" -}}
app.kubernetes.io/name: tracescrub
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Of one part: (dict "root" $ "part" "edge"). */}}
{{- define "tracescrub.selector" -}}
app.kubernetes.io/name: tracescrub
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "tracescrub.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* What Pod Security calls restricted. */}}
{{- define "tracescrub.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "tracescrub.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The same for every part: who it is, what is asked of it, what it gets. */}}
{{- define "tracescrub.container" -}}
image: {{ include "tracescrub.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: ["--config", "/etc/tracescrub/chart/config.yaml"]
securityContext: {{- include "tracescrub.containerSecurity" . | nindent 2 }}
env:
  - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
  - {name: TRACESCRUB_DATA, value: /var/lib/tracescrub}
  - {name: KAFKA_USER, valueFrom: {secretKeyRef: {name: {{ .values.kafkaSecret }}, key: username}}}
  - {name: KAFKA_PASSWORD, valueFrom: {secretKeyRef: {name: {{ .values.kafkaSecret }}, key: password}}}
startupProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 2
  failureThreshold: 90
# Only whether it lives: trouble of a backend is no reason to start it anew.
livenessProbe:
  tcpSocket: {port: health}
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 5
resources: {{- toYaml .values.resources | nindent 2 }}
{{- end -}}
