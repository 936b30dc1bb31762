/ SPDX-License-Identifier: MIT
/ sym.q - the tables of the tickerplant: time and sym come first in each.
trade:([]time:`timespan$();sym:`symbol$();price:`float$();size:`long$())
quote:([]time:`timespan$();sym:`symbol$();bid:`float$();ask:`float$())
