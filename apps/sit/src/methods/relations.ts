import type { ViewSpec } from "@sitjs/augment";
import { infoMax, relation, relationPairs } from "@sitjs/losses";
import { deepInfoMax, relationalReasoning } from "@sitjs/train";
import { perceptronHead } from "@sitjs/vit";
import type { MethodMaker } from "./maker.js";
import { headInitialization } from "./parts.js";
import { alikeViews, oneView } from "./views.js";

export const deepInfomaxMaker: MethodMaker = {
  views: oneView,
  make({ settings, backbone }) {
    const { projectionHidden, projectionOutput: output, alpha, localWeight } = settings;
    const { width } = backbone;
    const initialization = headInitialization(settings);
    const head = () => perceptronHead({ width, hidden: [projectionHidden], output, initialization });
    return deepInfoMax({
      backbone,
      global: head(),
      local: head(),
      loss: infoMax(),
      alpha,
      beta: localWeight,
    });
  },
};

export const relationalMaker: MethodMaker = {
  views(settings, statistics) {
    // Views that are made alike, as many as the method compares: the first of SimCLR's under other names.
    const [view] = alikeViews(settings, statistics) as readonly [ViewSpec, ...ViewSpec[]];
    return Array.from({ length: settings.relationViews }, (_, i) => ({ ...view, name: `view${i + 1}` }));
  },
  make({ settings, backbone }) {
    const width = 2 * backbone.width;
    const hidden = [settings.projectionHidden];
    return relationalReasoning({
      backbone,
      relation: perceptronHead({ width, hidden, output: 1, initialization: headInitialization(settings) }),
      loss: relation(),
      pairs: relationPairs,
      views: settings.relationViews,
    });
  },
};
