import { lazy } from "react";
import { Route, Routes } from "react-router";
import { SweepPage } from "./SweepPage";
import { SweepsPage } from "./SweepsPage";

const ComparePage = lazy(() => import("./analysis/ComparePage"));

/** All pages of sweeps in one chunk: one line of routes is what the first load can afford. */
export default function SweepPages() {
  return (
    <Routes>
      <Route index element={<SweepsPage />} />
      <Route path="compare" element={<ComparePage />} />
      <Route path=":sweep/:tab?" element={<SweepPage />} />
    </Routes>
  );
}
