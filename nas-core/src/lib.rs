//! The runtime: plugin host, studies, records
