import { type CronSchedule, readsAlikeInKubernetes } from "../backup/schedule-cron.js";
import { RoomctlError } from "../core/errors.js";
import type { ScheduledWork, ScheduleFile } from "./backup-schedule.js";

/** A CronJob and the claim of the volume that keeps its backups, for `kubectl apply -f`. JSON's strings are YAML's. */
export function cronJobFile({ options, repository, commands }: ScheduledWork): readonly ScheduleFile[] {
  const { name, timeZone, image, metrics } = options;
  if (metrics !== undefined) {
    throw new RoomctlError("E_USAGE", "a metrics file in a pod is seen by nobody", {
      hint: "leave --metrics out: kube-state-metrics has kube_cronjob_status_last_successful_time; or use a check, ROOMCTL_PING",
    });
  }
  const steps = commands.map((words) => containerOf(words, { name, image, repository }));
  const [first = "", last] = steps;
  const content = `# FILE has the lines ROOMCTL_DATABASE_URL=postgresql://… and, for a check, ROOMCTL_PING=https://…; without quotes:
#   kubectl create secret generic ${name} --from-env-file=FILE
# The image ${image} has roomctl in its PATH.
apiVersion: batch/v1
kind: CronJob
metadata:
  name: ${name}
spec:
  schedule: ${JSON.stringify(kubernetesSchedule(options.schedule))}
  timeZone: ${JSON.stringify(timeZone ?? "Etc/UTC")}
  concurrencyPolicy: Forbid
  # Started this late at most, when the cluster was busy or down.
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 1
      template:
        spec:
          restartPolicy: Never
          # One name for all its pods: what a killed one left locked is taken over in a minute, not in half an hour.
          hostname: ${name}
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 1000
            runAsGroup: 1000
            fsGroup: 1000
            fsGroupChangePolicy: OnRootMismatch
            seccompProfile:
              type: RuntimeDefault
${last === undefined ? "" : `          # One after the other, and none after one that failed.\n          initContainers:\n${first}`}          containers:
${last ?? first}          volumes:
            - name: backups
              persistentVolumeClaim:
                claimName: ${name}
            - name: state
              emptyDir: {}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: ${name}
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      # As many backups as are kept, and room for one more.
      storage: 20Gi
`;
  return [{ path: `${name}.yaml`, content }];
}

function kubernetesSchedule(schedule: CronSchedule): string {
  if (!readsAlikeInKubernetes(schedule)) {
    const why = `cron and Kubernetes read ${JSON.stringify(schedule.text)} differently: a day with a step, and a weekday`;
    throw new RoomctlError("E_USAGE", why, {
      hint: "name the days, or leave one of the two fields at *: roomctl backup schedule --cron '0 2 1,11,21 * *' --print k8s",
    });
  }
  // Kubernetes has no day 7.
  const [minute, hour, day, month, weekday] = schedule.text.split(" ");
  const days = weekday?.includes("7") ? schedule.daysOfWeek.join(",") : weekday;
  return [minute, hour, day, month, days].join(" ");
}

interface ContainerFacts {
  readonly name: string;
  readonly image: string;
  readonly repository: string;
}

function containerOf(words: readonly string[], { name, image, repository }: ContainerFacts): string {
  return `            - name: ${words[1]}
              image: ${JSON.stringify(image)}
              command: ["roomctl"]
              args: ${JSON.stringify(words.map(literal))}
              env:
                - name: ROOMCTL_DATABASE_URL
                  valueFrom:
                    secretKeyRef:
                      name: ${name}
                      key: ROOMCTL_DATABASE_URL
                - name: ROOMCTL_PING
                  valueFrom:
                    secretKeyRef:
                      name: ${name}
                      key: ROOMCTL_PING
                      optional: true
                - name: ROOMCTL_STATE_DIR
                  value: /state
              resources:
                requests:
                  cpu: 250m
                  memory: 128Mi
                limits:
                  memory: 512Mi
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: [ALL]
              volumeMounts:
                - name: backups
                  mountPath: ${JSON.stringify(repository)}
                - name: state
                  mountPath: /state
                - name: state
                  mountPath: /tmp
                  subPath: tmp
`;
}

/** Kubernetes replaces `$(NAME)` in arguments. */
function literal(word: string): string {
  return word.replaceAll("$(", "$$$$(");
}
