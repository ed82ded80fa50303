package valkey_test

import "testing"

func TestClusterConformance(t *testing.T) { subject.ClusterConformance(t) }

func TestClusterMigration(t *testing.T) { subject.ClusterMigration(t) }

func TestClusterReshard(t *testing.T) { subject.ClusterReshard(t) }

func TestClusterOutage(t *testing.T) { subject.ClusterOutage(t) }

func TestClusterDown(t *testing.T) { subject.ClusterDown(t) }

func TestClusterClose(t *testing.T) { subject.ClusterClose(t) }

func TestClusterConformanceOfOneNode(t *testing.T) { subject.ClusterConformanceOfOneNode(t) }

func TestClusterConformanceOfReplicas(t *testing.T) { subject.ClusterConformanceOfReplicas(t) }

func TestClusterReplicas(t *testing.T) { subject.ClusterReplicas(t) }

func TestClusterScan(t *testing.T) { subject.ClusterScan(t) }

func TestClusterCrossSlot(t *testing.T) { subject.ClusterCrossSlot(t) }

func TestClusterRoundTrips(t *testing.T) { subject.ClusterRoundTrips(t) }

func TestClusterRename(t *testing.T) { subject.ClusterRename(t) }

func TestClusterTLS(t *testing.T) { subject.ClusterTLS(t) }

func TestClusterDatabases(t *testing.T) { subject.ClusterDatabases(t) }

func TestClusterAddresses(t *testing.T) { subject.ClusterAddresses(t) }

func TestClusterExclusive(t *testing.T) { subject.ClusterExclusive(t) }

func TestClusterLosses(t *testing.T) { subject.ClusterLosses(t) }
