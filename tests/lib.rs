//! Scenarios that cross services. Everything is in `scenarios/`; this library is empty because cargo wants one.
