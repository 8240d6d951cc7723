/** Looks the log's topic over; makes nothing. */
import { type Finding, warning, well, wrong } from "../../doctor/finding.ts";
import { type ClusterOptions, makeCluster } from "./cluster.ts";
import { judgeTopic, readSettings } from "./topic.ts";

/** `parts`: of the store, or of the one that is to be made. */
export async function examineKafka(
  options: Omit<ClusterOptions, "clientId">,
  parts: number,
): Promise<Finding[]> {
  const { topic: name } = options;
  const cluster = makeCluster({ ...options, clientId: "carillon-doctor" });
  try {
    await cluster.refresh();
    const found = cluster.topic();
    if (found === null)
      return [warning("kafka", `there is no topic ${name} yet`, "the next start makes it, where it may")];
    const { refusal, warnings } = judgeTopic(
      {
        name,
        partitions: found.partitions.length,
        replication: Math.min(...found.partitions.map(({ replicas }) => replicas)),
        brokers: cluster.brokers(),
        settings: await readSettings(cluster, name),
      },
      parts,
      false,
    );
    const leaderless = found.partitions.filter(({ leader }) => leader === null).length;
    return [
      refusal === null
        ? well("kafka", `the topic ${name} can be used, on ${cluster.brokers()} brokers`)
        : wrong("kafka", refusal, "no server starts with it as it is"),
      ...warnings.map((what) => warning("kafka", what, "see docs/operating/deployments.md")),
      ...(leaderless === 0
        ? []
        : [
            wrong(
              "kafka",
              `${leaderless} partitions of ${name} have no leader`,
              "bring the missing brokers back",
            ),
          ]),
    ];
  } catch (error) {
    const advice = "look whether the brokers run, and whether addresses, user and password are right";
    return [wrong("kafka", (error as Error).message, advice)];
  } finally {
    cluster.close();
  }
}
