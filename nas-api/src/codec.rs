//! The bytes of native plugins' messages.
