// Grafana: the answer shapes of the reference's read API, as bytes.
//
// This target knows JSON and the shapes that Grafana's Loki data source, logcli and the dashboards expect (key order
// included: Grafana's reader is streaming). It knows no HTTP and computes nothing: results go in, bytes come out.
