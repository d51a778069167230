//! Trains candidate networks with burn
