{{/* Labels of every object of the chart; the argument is a dict of "root" and "name", the component. */}}
{{- define "sallyport.labels" -}}
{{ include "sallyport.selector" . }}
app.kubernetes.io/part-of: sallyport
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "sallyport.selector" -}}
app.kubernetes.io/name: {{ .name }}
{{- end }}

{{/* Objects of a generated file in the Namespace of the release, but for that Namespace itself and for the accounts of
     parts that are off. The argument is a dict of "root" and "file". */}}
{{- define "sallyport.generated" -}}
{{- $root := .root }}
{{- $text := $root.Files.Get (printf "generated/%s" .file) | replace "sallyport-system" $root.Release.Namespace }}
{{- range $document := regexSplit "(?m)^---$" $text -1 }}
{{- $object := fromYaml $document }}
{{- $isOff := or (and (eq $object.metadata.name "sallyport-ingress") (not $root.Values.ingress.enabled)) (and (eq $object.metadata.name "sallyport-api") (not $root.Values.api.enabled)) }}
{{- if not (or (eq $object.kind "Namespace") $isOff) }}
---
{{ $document | trim }}
{{- end }}
{{- end }}
{{- end }}

{{- define "sallyport.image" -}}
{{ include "sallyport.imageOf" (dict "root" . "image" .Values.image) }}
{{- end }}

{{/* The argument is a dict of "root" and "image", the values of one of our images. */}}
{{- define "sallyport.imageOf" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}

{{- define "sallyport.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "sallyport.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop:
    - ALL
{{- end }}

{{/* Where and how a pod is scheduled; the argument is a dict of "name" and "values", those of the component. */}}
{{- define "sallyport.scheduling" -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              app.kubernetes.io/name: {{ .name }}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys:
      - pod-template-hash
    labelSelector:
      matchLabels:
        app.kubernetes.io/name: {{ $.name }}
  {{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "sallyport.podName" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end }}

{{/* Addresses of the cluster's name servers, as YAML: those of the values, or of the usual Service. */}}
{{- define "sallyport.clusterDns" -}}
{{- if .Values.clusterDns }}
{{- toYaml .Values.clusterDns }}
{{- else }}
{{- $service := lookup "v1" "Service" "kube-system" "kube-dns" }}
{{- toYaml (dig "spec" "clusterIPs" list $service) }}
{{- end }}
{{- end }}

{{/* An option for each value of a list; the argument is a dict of "option" and "values". */}}
{{- define "sallyport.repeated" -}}
{{- range .values }}
- {{ $.option }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* Egress to the API server on its ports. Without "to", since its addresses change, and since to some network plugins
     an ipBlock never matches a node. */}}
{{- define "sallyport.toApiServer" -}}
- ports:
    {{- range .Values.networkPolicies.apiServerPorts }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
{{- end }}

{{/* The argument is a dict of "root" and "name"; "values" have replicas or autoscaling. */}}
{{- define "sallyport.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "sallyport.selector" . | nindent 6 }}
{{- end }}

{{/* Metrics and health of a component, for Prometheus and "helm test". */}}
{{- define "sallyport.metricsService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}-metrics
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
spec:
  clusterIP: None
  selector:
    {{- include "sallyport.selector" . | nindent 4 }}
  ports:
    - name: metrics
      port: 8081
      targetPort: health
{{- end }}

{{- define "sallyport.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ .values.autoscaling.minReplicas }}
  maxReplicas: {{ .values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .values.autoscaling.targetCPUUtilizationPercentage }}
{{- end }}

{{/* Kinds of the CRDs, with blanks between them. */}}
{{- define "sallyport.kinds" -}}
{{- $kinds := list }}
{{- range $path, $_ := .Files.Glob "generated/crds/*.yaml" }}
{{- $crd := $.Files.Get $path | fromYaml }}
{{- $kinds = append $kinds $crd.spec.names.kind }}
{{- end }}
{{- join " " $kinds }}
{{- end }}

{{/* What a pod has that sends rows to the collector. */}}
{{- define "sallyport.collectorClientArgs" -}}
- --collector
- https://sallyport-collector.{{ .Release.Namespace }}.svc:8444
{{- end }}

{{- define "sallyport.collectorTokenMount" -}}
- name: collector-token
  mountPath: /var/run/secrets/sallyport-collector
  readOnly: true
{{- end }}

{{- define "sallyport.collectorTokenVolume" -}}
- name: collector-token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          audience: sallyport-collector
          path: token
          expirationSeconds: 3607
{{- end }}
