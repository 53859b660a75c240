{{/* The Deployment of a program without an Envoy. The argument is a dict of "root", "name", "role", "values", "args",
     further "ports" as YAML, "state", the volume of a program that has one: then there is one pod at a time, "shipsRows",
     for one whose rows wait for the collector in an emptyDir, "scratch", for one that needs /tmp, "env" as YAML, "secrets",
     by the name of the directory in /var/run/secrets, and "certificate", values of one that is there as "certificate". */}}
{{- define "sallyport.programDeployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "sallyport.labels" . | nindent 4 }}
spec:
  replicas: {{ if .state }}1{{ else }}{{ .values.replicas }}{{ end }}
  revisionHistoryLimit: 3
  strategy:
    {{- if .state }}
    type: Recreate
    {{- else }}
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
    {{- end }}
  selector:
    matchLabels:
      {{- include "sallyport.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "sallyport.labels" . | nindent 8 }}
      {{- with .values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ .name }}
      enableServiceLinks: false
      securityContext:
        {{- include "sallyport.podSecurity" . | nindent 8 }}
      {{- include "sallyport.scheduling" . | nindent 6 }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .role }}
          {{- $image := .values.image | default .root.Values.image }}
          image: {{ include "sallyport.imageOf" (dict "root" .root "image" $image) }}
          imagePullPolicy: {{ $image.pullPolicy }}
          args:
            - {{ .role }}
            - --namespace
            - {{ .root.Release.Namespace }}
            - --health-port
            - "8081"
            - --log-level
            - {{ .root.Values.logLevel }}
            {{- with .args }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- if .shipsRows }}
            - --state
            - /state
            - --spool-bytes
            - {{ mul .values.spoolMiB 1048576 | quote }}
            {{- include "sallyport.collectorClientArgs" .root | nindent 12 }}
            {{- end }}
            {{- with .values.extraArgs }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          env:
            {{- include "sallyport.podName" . | nindent 12 }}
            {{- if eq .role "operator" }}
            - name: POD_IP
              valueFrom:
                fieldRef:
                  fieldPath: status.podIP
            {{- end }}
            {{- with .env }}
            {{- . | nindent 12 }}
            {{- end }}
          ports:
            - name: health
              containerPort: 8081
            {{- with .ports }}
            {{- . | nindent 12 }}
            {{- end }}
          startupProbe:
            httpGet:
              path: /healthz
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
          securityContext:
            {{- include "sallyport.containerSecurity" . | nindent 12 }}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          {{- $given := and .certificate .certificate.secretName }}
          {{- if or .state .secrets .shipsRows .scratch $given }}
          volumeMounts:
            {{- if .scratch }}
            - name: scratch
              mountPath: /tmp
            {{- end }}
            {{- if or .state .shipsRows }}
            - name: state
              mountPath: /state
            {{- end }}
            {{- if .shipsRows }}
            {{- include "sallyport.collectorTokenMount" . | nindent 12 }}
            {{- end }}
            {{- if $given }}
            - name: certificate
              mountPath: /var/run/secrets/certificate
              readOnly: true
            {{- end }}
            {{- range $name, $_ := .secrets }}
            - name: {{ $name }}
              mountPath: /var/run/secrets/{{ $name }}
              readOnly: true
            {{- end }}
      volumes:
        {{- if .scratch }}
        - name: scratch
          emptyDir:
            sizeLimit: 4Gi
        {{- end }}
        {{- with .state }}
        - name: state
          {{- . | nindent 10 }}
        {{- end }}
        {{- if .shipsRows }}
        - name: state
          emptyDir: {}
        {{- include "sallyport.collectorTokenVolume" . | nindent 8 }}
        {{- end }}
        {{- if $given }}
        - name: certificate
          projected:
            defaultMode: 0440
            sources:
              - secret:
                  name: {{ .certificate.secretName }}
                  {{- with .certificate.authorityConfigMap }}
                  items:
                    - key: tls.crt
                      path: tls.crt
                    - key: tls.key
                      path: tls.key
              - configMap:
                  name: {{ . }}
                  items:
                    - key: ca.crt
                      path: ca.crt
                  {{- end }}
        {{- end }}
        {{- range $name, $secret := .secrets }}
        - name: {{ $name }}
          secret:
            secretName: {{ $secret }}
        {{- end }}
          {{- end }}
{{- end }}
