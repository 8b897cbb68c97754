/** A value of a MAT-file. Arrays are stored by columns: of shape [rows, columns], element `row + rows * column`. */
export type MatValue = MatNumbers | MatText | MatCells | MatStructs;

/** Real numbers of any of MATLAB's numeric classes, and logical values as 0 and 1. */
export interface MatNumbers {
  readonly kind: "numbers";
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export interface MatText {
  readonly kind: "text";
  readonly shape: readonly number[];
  /** A text for each row; none where the array is empty. */
  readonly rows: readonly string[];
}

export interface MatCells {
  readonly kind: "cells";
  readonly shape: readonly number[];
  readonly cells: readonly MatValue[];
}

/** An array of structs: for each field its value in every element. */
export interface MatStructs {
  readonly kind: "structs";
  readonly shape: readonly number[];
  readonly fields: ReadonlyMap<string, readonly MatValue[]>;
}
