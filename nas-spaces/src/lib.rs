//! The search spaces that come with nas
