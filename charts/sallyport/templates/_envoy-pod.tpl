{{/* The Deployment of an Envoy and its agent: the agent is a native sidecar, which starts first, ends last, and may crash
     without a connection noticing. The argument is a dict of "root", "name", "role", "values", and "args" of the agent as
     YAML. */}}
{{- define "sallyport.envoyDeployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
spec:
  {{- if not .values.autoscaling.enabled }}
  replicas: {{ .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
      {{- include "sallyport.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "sallyport.labels" . | nindent 8 }}
      annotations:
        kubectl.kubernetes.io/default-container: envoy
        {{- with .values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ .name }}
      # Envoy, which strangers talk to, gets no token: only the agent mounts it.
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ add .values.drainSeconds 30 }}
      securityContext:
        {{- include "sallyport.podSecurity" . | nindent 8 }}
      {{- include "sallyport.scheduling" . | nindent 6 }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      initContainers:
        - name: agent
          image: {{ include "sallyport.image" .root }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          restartPolicy: Always
          args:
            - {{ .role }}
            - --namespace
            - {{ .root.Release.Namespace }}
            - --state
            - /state
            - --external-envoy
            - --listen-address
            - {{ .values.listenAddress | quote }}
            - --drain-seconds
            - {{ .values.drainSeconds | quote }}
            # Envoy needs more than its heap.
            - --envoy-memory-mb
            - {{ div (mul .values.envoyMemoryMiB 4) 5 | quote }}
            - --spool-bytes
            - {{ mul .values.spoolMiB 1048576 | quote }}
            - --log-level
            - {{ .root.Values.logLevel }}
            - --account-id
            - {{ .root.Values.accountId | quote }}
            {{- if .root.Values.collector.enabled }}
            {{- include "sallyport.collectorClientArgs" .root | nindent 12 }}
            {{- end }}
            {{- with .args }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- with .values.extraArgs }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          env:
            {{- include "sallyport.podName" . | nindent 12 }}
          ports:
            - name: health
              containerPort: 8081
          startupProbe:
            httpGet:
              path: /startz
              port: health
            periodSeconds: 1
            timeoutSeconds: 5
            failureThreshold: 300
          readinessProbe:
            httpGet:
              path: /readyz
              port: health
            periodSeconds: 2
            timeoutSeconds: 5
          livenessProbe:
            httpGet:
              path: /healthz
              port: health
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          lifecycle:
            preStop:
              exec:
                command:
                  - /usr/local/bin/node
                  - /app/sallyport.mjs
                  - drain
                  - --state
                  - /state
          securityContext:
            {{- include "sallyport.containerSecurity" . | nindent 12 }}
          resources:
            {{- toYaml .values.resources.agent | nindent 12 }}
          volumeMounts:
            - name: state
              mountPath: /state
            - name: token
              mountPath: /var/run/secrets/kubernetes.io/serviceaccount
              readOnly: true
            {{- if .root.Values.collector.enabled }}
            {{- include "sallyport.collectorTokenMount" . | nindent 12 }}
            {{- end }}
      containers:
        - name: envoy
          image: {{ .root.Values.envoy.image.repository }}:{{ .root.Values.envoy.image.tag }}
          imagePullPolicy: {{ .root.Values.envoy.image.pullPolicy }}
          args:
            {{- index (.root.Files.Get "generated/envoy-arguments.yaml" | fromYaml) .role | toYaml | nindent 12 }}
            - --concurrency
            - {{ .values.envoyConcurrency | quote }}
          {{- with .ports }}
          ports:
            {{- . | nindent 12 }}
          {{- end }}
          livenessProbe:
            httpGet:
              path: /envoyz
              port: 8081
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
            # One that hangs drains nothing.
            terminationGracePeriodSeconds: 5
          lifecycle:
            preStop:
              httpGet:
                path: /drained
                port: 8081
          securityContext:
            {{- include "sallyport.containerSecurity" . | nindent 12 }}
          resources:
            {{- $limit := dict "limits" (dict "memory" (printf "%dMi" (int .values.envoyMemoryMiB))) }}
            {{- toYaml (mergeOverwrite (deepCopy .values.resources.envoy) $limit) | nindent 12 }}
          volumeMounts:
            - name: state
              mountPath: /state
      volumes:
        - name: state
          emptyDir: {}
        {{- if .root.Values.collector.enabled }}
        {{- include "sallyport.collectorTokenVolume" . | nindent 8 }}
        {{- end }}
        - name: token
          projected:
            defaultMode: 0440
            sources:
              - serviceAccountToken:
                  path: token
                  expirationSeconds: 3607
              - configMap:
                  name: kube-root-ca.crt
                  items:
                    - key: ca.crt
                      path: ca.crt
              - downwardAPI:
                  items:
                    - path: namespace
                      fieldRef:
                        fieldPath: metadata.namespace
{{- end }}
