//! The search strategies that come with nas
