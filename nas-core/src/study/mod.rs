//! Studies: one strategy on one space with one evaluator, one budget and one seed.
